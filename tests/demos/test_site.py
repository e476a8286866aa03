"""The pages of the demos that need no Python, as files."""

import hashlib
import re
from base64 import b64encode

import pytest

from lecture_lib.demos import _site
from lecture_lib.demos.__main__ import main
from lecture_lib.demos._catalogue import catalogue

DEMOS = catalogue()
MASKS = next(demo for demo in DEMOS if demo.name == "mask_painter")
MOST_BYTES = 1_000_000  # of one page


def test_a_page_holds_all_it_needs_and_its_policy_names_its_script():
    page = _site.page_of(MASKS)
    assert re.findall(r"(?:src|srcset)=|url\(|@import|https?://(?!www\.w3\.org/)", page) == []
    assert set(re.findall(r'href="([^"]*)"', page)) == {"data:,", "index.html"}
    script = re.search(r'<script type="module">(.*)</script>', page, re.DOTALL)[1]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'" in page
    assert len(page) < MOST_BYTES


def test_the_folder_holds_a_page_a_demo_and_an_index_that_leads_to_them(tmp_path, capsys):
    main(["site", str(tmp_path / "out"), "mask_painter", "cache_meter"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cache_meter.html",
        "index.html",
        "mask_painter.html",
    ]
    assert "2 demos, " in capsys.readouterr().out
    index = (tmp_path / "out" / "index.html").read_text()
    assert set(re.findall(r'class="card" href="([^"]*)"', index)) == {"mask_painter.html", "cache_meter.html"}
    main(["site", str(tmp_path / "out"), "mask_painter", "cache_meter"])  # again, over its own pages


def test_a_folder_with_anything_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(
        SystemExit, match=r"holds 'thesis.tex', which is not a demo page; name an empty or a new folder"
    ):
        main(["site", str(tmp_path), "mask_painter"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    "bundle", ["const a = 1;", "export{a as default};", "x='</script>';export{a as alone,b as default};"]
)
def test_a_bundle_that_can_not_be_called_is_refused(bundle):
    with pytest.raises(ValueError, match="the bundle"):
        _site._callable(bundle)
