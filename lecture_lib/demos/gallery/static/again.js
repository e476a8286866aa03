/* On a machine with much to do, Voilà's page now and then draws before it has the widgets of its kernel, and stays with an
 * error in their place ("widget model not found"). A fresh page has them: it is loaded again, MOST times at the most. */

const MOST = 3;
const WATCHED = 60_000; // milliseconds
const key = `again ${location.pathname}`,
  began = Date.now();

const watching = setInterval(() => {
  const failed = [...document.querySelectorAll(".jupyter-widgets")].some((node) =>
    node.textContent.startsWith("Error displaying widget"),
  );
  const tries = Number(sessionStorage.getItem(key));
  if (!failed && Date.now() - began < WATCHED) return;
  clearInterval(watching);
  if (!failed) sessionStorage.removeItem(key);
  else if (tries < MOST) {
    sessionStorage.setItem(key, String(tries + 1));
    location.reload();
  }
}, 500);
