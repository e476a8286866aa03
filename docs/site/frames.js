// The demos' frames: as high as the demo says, and in the theme of the page.
const frames = () => [...document.querySelectorAll("iframe.demo")];
const theme = () => (document.documentElement.dataset.theme === "dark" ? "dark" : "light");
const tell = (frame) => frame.contentWindow?.postMessage({ theme: theme() }, "*");

addEventListener("message", ({ source, data }) => {
  const frame = frames().find((each) => each.contentWindow === source);
  if (!frame || !Number.isFinite(data.height)) return;
  frame.style.height = `${data.height + 8}px`;
  tell(frame);
});
new MutationObserver(() => frames().forEach(tell)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
