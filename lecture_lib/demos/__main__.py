"""`python -m lecture_lib.demos`: a list of the demos, a contact sheet of their pictures, and the gallery."""

import argparse
import tempfile
import webbrowser
from pathlib import Path

from lecture_lib.demos._catalogue import by_unit, catalogue, unit_title
from lecture_lib.demos._pages import contact_sheet
from lecture_lib.demos._serve import PORT, choose, serve
from lecture_lib.demos._site import write_site


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lecture_lib.demos", description="Lists the demos of the course.")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write their contact sheet, one HTML file")
    parser.add_argument("--open", action="store_true", help="show the contact sheet in a browser")
    verbs = parser.add_subparsers(dest="verb")
    server = verbs.add_parser("serve", help="serve all as a gallery, to this machine only (needs Voilà)")
    server.add_argument("chosen", nargs="*", metavar="NAME", help="demos or units; all of them if left out")
    server.add_argument("--port", type=int, default=PORT)
    server.add_argument("--no-browser", action="store_true", help="open no browser")
    site = verbs.add_parser("site", help="write each as a page that needs no Python, no server and no network")
    site.add_argument("folder", type=Path, metavar="FOLDER")
    site.add_argument("chosen", nargs="*", metavar="NAME", help="demos or units; all of them if left out")
    given = parser.parse_args(arguments)
    if given.verb == "serve":
        serve(given.port, given.chosen, open_browser=not given.no_browser)
    elif given.verb == "site":
        _site(given.folder, given.chosen)
    elif given.html or given.open:
        _sheet(given.html, given.open)
    else:
        _list()


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for unit, its in by_unit(catalogue()).items():
        table.add_row(f"[bold]{unit_title(unit)}[/]")
        for demo in its:
            table.add_row(f"  [cyan]{demo.line}[/]", f"{demo.title}: {demo.sentence}")
    console = Console()
    console.print("In any notebook, after [cyan]from lecture_lib import demos[/]:\n")
    console.print(table)
    console.print("\nPictures: [cyan]--open[/], or [cyan]--html FILE[/]. All of them, full screen: [cyan]serve[/].")


def _site(folder: Path, chosen: list[str]) -> None:
    try:
        index, *pages = write_site(folder, choose(chosen))
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    size = sum(page.stat().st_size for page in (index, *pages)) / 1e6
    print(f"{len(pages)} demos, {size:.1f} MB: open {index}")


def _sheet(target: Path | None, show: bool) -> None:
    if target is None:
        target = Path(tempfile.mkdtemp(prefix="demos-")) / "demos.html"
    target.write_text(contact_sheet(catalogue()), encoding="utf-8")
    print(f"written to {target}")
    if show:
        webbrowser.open(target.resolve().as_uri())


if __name__ == "__main__":
    main()
