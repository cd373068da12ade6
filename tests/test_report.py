"""The report: complete, self-contained, and deaf to what a language model writes into it."""

from __future__ import annotations

import base64
import io
import re
import tracemalloc
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image as PILImage

from synth.errors import RunRefused
from synth.ledger import Ledger
from synth.records import Call, Candidate, Entry, Form, Verdict
from synth.report import write_report
from synth.report.counting import Distinct, Histogram, Tops, evenly, shares
from synth.report.gather import GALLERY, REJECTED_EACH, gather
from synth.report.shown import Piece, emphasis, visible
from tests.small_runs import OPENMOJI, accept, candidate, paint, save_run, small_run, text_only, with_pictures

HOSTILE = "</p></script><script>alert(1)</script>\"><img src=x onerror=alert(2)>' onload=x \x00 \u202egnp {{ 7*7 }}"
VOID = {"meta", "img", "br", "link", "base"}


class Page(HTMLParser):
    """What a browser would make of the page: its elements, attributes and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text(encoding="utf-8"))


def drop(one: Candidate, name: str, stage: str = "", reason: str = "because", score: float | None = None) -> Candidate:
    """Reject at a filter, or fail at a step if `stage` is empty."""
    if stage:
        one.verdicts.append(Verdict(filter=name, stage=stage, outcome="fail", reason=reason, score=score))  # type: ignore[arg-type]
        one.reject(name, reason)
    else:
        one.fail(name, reason)
    return one


def mixed_run(run: Path) -> Path:
    """Ten candidates of one ability with every kind of end."""
    made = [candidate("abnormal", index) for index in range(10)]
    drop(made[0], "write", reason="the reply has no list of keywords")
    drop(made[1], "repetition", "prompt", "nearly repeats an earlier one", 0.83)
    drop(made[2], "repetition", "dialogue", "repeats an earlier answer", 0.91)
    paint(run, made[3])
    drop(made[3], "alignment", "image", "picture and dialogue do not match", 0.2103)
    for one in made[4:8]:
        accept(run, one)
    accept(run, made[8]).state = "surplus"
    made[9].state = "text_ok"
    return save_run(run, made, {"abnormal": 4}, renderer={"name": "diffusers", "model": "sd"})


# -- what it shows ----------------------------------------------------------------------------


def test_numbers_add_up(tmp_path: Path) -> None:
    run = mixed_run(tmp_path / "run")
    ledger = Ledger(run)
    [one] = gather(ledger).abilities
    assert (one.tried, one.samples, one.surplus, one.waiting) == (10, 4, 2, 0)
    assert one.dropped == {
        (0, "failed", "write", ""): 1,
        (1, "rejected", "repetition", "prompt"): 1,
        (3, "rejected", "repetition", "dialogue"): 1,
        (5, "rejected", "alignment", "image"): 1,
    }
    assert one.tried == one.samples + one.surplus + one.waiting + one.dropped.total()
    text = page_of(run).text
    for said in (
        "4 of 4 samples", "seed 7", "Tried 10", "failed to write −1", "repetition on prompts −1",
        "repetition on dialogues −1", "alignment on pictures −1", "surplus good, beyond n 2",
        "Samples of 4 wanted 4", "picture and dialogue do not match 0.21",
        "the reply has no list of keywords",
    ):  # fmt: skip
        assert said in text, said


def test_cards_show_everything_about_a_sample(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", 1)
    sample = next(Ledger(run).candidates("abnormal"))
    page = page_of(run)
    for said in (
        sample.id, sample.images[0].keywords[0], sample.answers[0], sample.question, str(sample.seed),
        "abnormal/template/0", sample.facts["normal"], "text, watermark", "llamacpp: tiny-instruct-q4",
        "round 0", "256 × 256", f"{sample.scores['prompt']:.3f}".rstrip("0"),
    ):  # fmt: skip
        assert said in page.text, said
    [image] = page.all("img")
    uri = image["src"] or ""
    assert uri.startswith("data:image/jpeg;base64,")
    with PILImage.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as small:
        assert max(small.size) <= 320 and not small.getexif()


def test_rejected_picture_is_shown(tmp_path: Path) -> None:
    assert len(page_of(mixed_run(tmp_path / "run")).all("img")) == 5  # four samples and one rejected


def test_gallery_is_spread_and_bounded(tmp_path: Path) -> None:
    made = []
    for ability, count in (("abnormal", 100), ("color", 5)):
        for index in range(count):
            one = candidate(ability, index)
            one.state = "text_ok"
            made.append(one)
    run = save_run(tmp_path / "run", made, {"abnormal": 100, "color": 5}, renderer=None)
    abnormal, color = gather(Ledger(run)).abilities
    assert len(abnormal.gallery) + len(color.gallery) == GALLERY
    assert len(color.gallery) == 5
    shown = [one.index for one in abnormal.gallery]
    assert shown[0] == 0 and shown[-1] == 99 and max(b - a for a, b in pairwise(shown)) <= 3


def test_good_texts_beyond_n_are_surplus(tmp_path: Path) -> None:
    made = [text_only(tmp_path, candidate("abnormal", index)) for index in range(6)]
    run = save_run(tmp_path / "run", made, {"abnormal": 4}, renderer=None)
    [one] = gather(Ledger(run)).abilities
    assert (one.samples, one.surplus, one.waiting) == (4, 2, 0)
    assert [shown.index for shown in one.gallery] == [0, 1, 2, 3]


def test_texts_before_the_last_sample_wait_for_their_pictures(tmp_path: Path) -> None:
    made = [accept(tmp_path / "run", candidate("abnormal", index)) for index in range(5)]
    made[1].state = made[4].state = "text_ok"
    made[3].state = "surplus"  # of an earlier start with a smaller n
    run = save_run(tmp_path / "run", made, {"abnormal": 3}, renderer={"name": "diffusers", "model": "sd"})
    [one] = gather(Ledger(run)).abilities
    assert (one.samples, one.surplus, one.waiting) == (3, 1, 1)
    assert "1 candidates wait" in page_of(run).text


def test_a_few_rejected_per_filter(tmp_path: Path) -> None:
    made = [drop(candidate("abnormal", index), "length", "prompt") for index in range(20)]
    run = save_run(tmp_path / "run", made, {"abnormal": 4}, renderer=None)
    [some] = gather(Ledger(run)).abilities[0].rejected.values()
    assert [one.index for one in some] == [0, 10, 19] and len(some) == REJECTED_EACH


def test_coverage_variety_and_rotation(tmp_path: Path) -> None:
    def same_subject(one: Candidate) -> None:
        one.plan["subject"] = Entry(text="giraffe" if one.index < 30 else "cactus")

    run = small_run(tmp_path / "run", 40, same_subject)
    [one] = gather(Ledger(run)).abilities
    subject = one.slots["subject"]
    assert subject.kept.counts == {"giraffe": 30, "cactus": 10}
    assert subject.least[0] == ("cactus", 10)
    assert len(one.diversity.questions) == 5 and len(one.diversity.subjects) == 2
    assert one.rounds == 5 and [r.candidates for r in one.shown_rounds] == [8, 8, 8, 8, 8]
    assert not any("s7" in e for e in one.first_rounds[0].examples)
    assert "abnormal-s7-000000" in one.first_rounds[2].examples and len(one.fresh) == 3
    text = page_of(run).text
    assert "giraffe 30 , cactus 10" in text and "5 rounds, 3 different fresh examples" in text


def test_model_costs_and_repairs(tmp_path: Path) -> None:
    def second_try(one: Candidate) -> None:
        one.calls.append(Call(step="write", attempt=1, seed=1, shared="k", message="m", problem="not JSON at all"))

    text = page_of(small_run(tmp_path / "run", 10, second_try)).text
    assert "write 20 10 10 6,120 88% 580" in text
    assert "fence 4" in text and "not JSON at all 10" in text


# -- several pictures -------------------------------------------------------------------------


def cards(run: Path) -> dict[str, str]:
    """The HTML of each card by its candidate's id."""
    found = re.findall(r"<article.*?</article>", write_report(run).read_text(encoding="utf-8"), re.DOTALL)
    return {re.findall(r"<bdi>(.*?)</bdi>", card)[0]: card for card in found}


def run_of(run: Path, *made: Candidate) -> Path:
    ability = made[0].ability
    return save_run(run, made, {ability: len(made)}, renderer={"name": "diffusers", "model": "sd"})


def places(card: str, *texts: str) -> list[int]:
    """Where the texts begin, each behind the one before."""
    at = [0]
    for text in texts:
        at.append(card.index(text, at[-1] + 1))
    return at[1:]


def test_several_pictures_stand_in_a_numbered_row_before_the_dialogue(tmp_path: Path) -> None:
    one = accept(tmp_path / "run", with_pictures(candidate("compare", 0), 3))
    [card] = cards(run_of(tmp_path / "run", one)).values()
    assert card.count("<img") == 3
    row, _, rest = card.partition('<div class="in">')
    for number, image in enumerate(one.images, 1):
        places(
            row, f'alt="picture {number}: ', f'<span class="badge number">{number}</span>', image.keywords[0],
            f"its own prompt <b>{one.scores[f'prompt.{number}']:.3f}".rstrip("0"),
        )  # fmt: skip
        assert row.count(image.keywords[0]) == 2 and image.keywords[0] not in rest  # the alt text and the prompt
    places(rest, ">user<", ">image 1<", ">image 2<", ">image 3<", one.questions[0], ">assistant<", one.answers[0])
    assert "prompt.1" not in card and "margin" not in card
    assert "each picture matches its own prompt better than its siblings&#39; by at least 0.031" in card


def test_interleaved_pictures_stand_in_the_turn_in_which_they_arrive(tmp_path: Path) -> None:
    one = accept(tmp_path / "run", with_pictures(candidate("story", 0), 3, "interleaved"))
    one.turns[2].text = one.turns[2].text.replace("<image>\n", "") + " Now this: <image> And?"
    [card] = cards(run_of(tmp_path / "run", one)).values()
    assert card.count("<img") == 3 and 'class="pics' not in card
    places(
        card, 'class="talk"', ">user<", 'alt="picture 1: ', one.turns[0].text.partition("\n")[2],
        ">assistant<", one.answers[0], ">user<", "Now this:", 'alt="picture 2: ', "And?", ">assistant<",
        ">user<", 'alt="picture 3: ', ">assistant<", one.answers[2],
    )  # fmt: skip


def test_the_picture_that_failed_is_marked_whatever_the_form(tmp_path: Path) -> None:
    made = [
        with_pictures(candidate("story", 0), 3),
        with_pictures(candidate("story", 1), 3, "interleaved"),
        with_pictures(candidate("story", 2), 3, "interleaved"),
        with_pictures(candidate("story", 3), 2),
        accept(tmp_path / "run", with_pictures(candidate("story", 4), 2)),
        candidate("story", 5),
    ]
    made[2].turns = []  # its prompts were dropped before there was a dialogue
    for one, stage, picture in zip(made, ("image", "image", "prompt", "image"), (1, 2, 0, 7), strict=False):
        if stage == "image":
            paint(tmp_path / "run", one)
        drop(one, f"filter{one.index}", stage, "does not match", 0.1)
        one.verdicts[-1].picture = picture  # the last has no picture 8
    made[4].verdicts.insert(0, Verdict(filter="alignment", stage="image", outcome="fail", picture=0))  # tried again
    drop(made[5], "filter5", "image", "does not match")
    made[5].verdicts[-1].picture = 0  # it has no other
    by_id = cards(run_of(tmp_path / "run", *made))
    ids = [one.id for one in made]
    marked = [
        [number for number, part in enumerate(by_id[id_].split("<figure")) if "failed here" in part] for id_ in ids
    ]
    assert marked == [[2], [3], [1], [], [], []]
    assert "picture 2: does not match" in by_id[ids[0]] and "picture 3: does not match" in by_id[ids[1]]
    assert ">does not match" in by_id[ids[3]] and ">does not match" in by_id[ids[5]]
    assert by_id[ids[2]].count("<figure") == 3 and "<img" not in by_id[ids[2]]


def test_nothing_but_its_pictures_stands_in_the_grid_of_a_turn(tmp_path: Path) -> None:
    """The page's style counts what stands in the grid: four pictures are shown two by two."""
    made = [accept(tmp_path / "run", with_pictures(candidate("compare", index), index + 2)) for index in range(4)]
    run = run_of(tmp_path / "run", *made)
    for one in made:
        [grid] = re.findall(r'<div class="pics several">(.*?)</div>\s*<div class="in">', cards(run)[one.id], re.DOTALL)
        assert re.sub(r"<figure.*?</figure>", "+", grid, flags=re.DOTALL).split() == ["+"] * len(one.images)


def test_what_is_counted_in_pictures_says_so(tmp_path: Path) -> None:
    made = [accept(tmp_path / "run", with_pictures(candidate("compare", index), 4)) for index in range(5)]
    made[1].images[2].attempts = 3
    made[2].images[0].attempts = made[2].images[1].attempts = 2
    made[3].scores["margin"] = -0.2
    run = run_of(tmp_path / "run", *made)
    [one] = gather(Ledger(run)).abilities
    counted = {name: (histogram.count, histogram.of) for name, histogram in one.scores.items()}
    assert counted["each picture: its own prompt"] == (20, "pictures")
    assert counted["picture ↔ prompt, lowest"] == (5, "samples")
    assert counted["own prompt ahead of the siblings', lowest"] == (5, "samples")
    assert not [name for name in counted if "prompt.1" in name]
    assert (one.samples, one.origins["rendered"], one.drawn_anew) == (5, 20, 3)
    assert one.diversity.pictures == 20 and len(one.diversity.prompts) > 5
    assert one.slots["subject"].kept.total == 20 and one.slots["camera"].kept.total == 5
    text = page_of(run).text
    assert "20 rendered; 3 drawn anew" in text and "drawn 3 times" in text and "20 pictures" in text
    assert "a picture matches a sibling's prompt better than its own, by 0.2" in text


def test_what_many_pictures_take_on_the_page_is_bounded(tmp_path: Path) -> None:
    """However many a sample has, together they have at most twice the pixels of the picture of a single one."""

    def pixels(count: int) -> int:
        run = tmp_path / str(count)
        one = candidate("abnormal", 0) if count == 1 else with_pictures(candidate("compare", 0), count)
        page = page_of(run_of(run, accept(run, one, size=512)))
        sizes = [(int(img["width"] or 0), int(img["height"] or 0)) for img in page.all("img")]
        assert len(sizes) == count
        return sum(width * height for width, height in sizes)

    single = pixels(1)
    assert single == 320 * 320
    assert single < pixels(3) <= 2 * single and pixels(8) <= 2 * single


def test_text_only_samples_of_several_pictures_show_their_prompts(tmp_path: Path) -> None:
    one = text_only(tmp_path, with_pictures(candidate("story", 0), 2, "interleaved"))
    run = save_run(tmp_path / "run", [one], {"story": 1}, renderer=None)
    [card] = cards(run).values()
    assert "<img" not in card and "no picture" not in card
    places(card, ">user<", '"badge number">1<', one.images[0].keywords[0], ">assistant<", ">user<", '"badge number">2<')


# -- banners ----------------------------------------------------------------------------------


def test_banner_for_previews_names_the_licence(tmp_path: Path) -> None:
    finish = lambda run, one: accept(run, one, "preview", OPENMOJI)  # noqa: E731
    text = page_of(small_run(tmp_path / "run", finish=finish, renderer={"name": "preview"})).text
    assert "Preview pictures: 3" in text and OPENMOJI in text


def test_licence_is_named_when_the_pictures_do_not_say_it(tmp_path: Path) -> None:
    finish = lambda run, one: accept(run, one, "preview")  # noqa: E731
    text = page_of(small_run(tmp_path / "run", finish=finish, renderer={"name": "gone"})).text
    assert "OpenMoji" in text and "CC BY-SA 4.0" in text


def test_banner_for_text_only(tmp_path: Path) -> None:
    page = page_of(small_run(tmp_path / "run", finish=text_only))
    assert "Text only: no pictures yet" in page.text and "3 of 3 samples" in page.text
    assert not page.all("img")


def test_banner_for_scripted_incomplete_and_not_run(tmp_path: Path) -> None:
    one = accept(tmp_path / "run", candidate("abnormal", 0))
    one.verdicts.append(Verdict(filter="safety", stage="image", outcome="not_run", reason="no model"))
    run = save_run(
        tmp_path / "run",
        [one],
        {"abnormal": 9},
        renderer={"name": "x"},
        llm={"name": "scripted", "scripted": True},
    )
    text = page_of(run).text
    assert "Scripted texts" in text and "Incomplete: 1 of 9 samples" in text
    assert "could not judge: safety" in text


def test_no_banner_without_reason(tmp_path: Path) -> None:
    page = page_of(small_run(tmp_path / "run"))
    assert not [attrs for attrs in page.all("div") if (attrs.get("class") or "").startswith("banner")]


def test_run_without_candidates(tmp_path: Path) -> None:
    text = page_of(save_run(tmp_path / "run", [], {"abnormal": 3}, renderer=None)).text
    assert "Incomplete: 0 of 3" in text and "There are none yet." in text


# -- untrusted text ---------------------------------------------------------------------------


def poison(one: Candidate) -> None:
    """Hostile text in every field that a model, a template or a file decides."""
    one.plan = {HOSTILE: Entry(text=HOSTILE, facts={HOSTILE: HOSTILE})}
    one.picture_plans = [dict(one.plan) for _ in one.picture_plans]
    one.question = HOSTILE
    one.facts = {HOSTILE: HOSTILE}
    one.examples = [HOSTILE]
    one.reason = HOSTILE
    one.scores = {HOSTILE: 0.5}
    one.seconds = {HOSTILE: 1.0}
    for image in one.images:
        image.prompt = f"(({HOSTILE})), ({HOSTILE}:1.2)"
        image.note = HOSTILE
        image.negative_prompt = HOSTILE
        image.keywords = [HOSTILE]
    for turn in one.turns:
        turn.text = ("<image>" if turn.role == "user" else "") + HOSTILE
    for verdict in one.verdicts:
        verdict.filter, verdict.reason = HOSTILE, HOSTILE
    for call in one.calls:
        call.message = call.reply = call.problem = call.step = call.mode = HOSTILE
        call.repairs = [HOSTILE]


@pytest.mark.parametrize("form", ["single", "multi", "interleaved"])
def test_nothing_of_the_run_becomes_markup(tmp_path: Path, form: Form) -> None:
    def finish(run: Path, one: Candidate) -> Candidate:
        accept(run, one if form == "single" else with_pictures(one, 3, form), attribution=HOSTILE)
        poison(one)
        return drop(one, HOSTILE, "image", HOSTILE) if one.index % 2 else one

    run = small_run(tmp_path / "run", 6, finish=finish, ability='a"><script>alert(3)</script>')
    raw = write_report(run).read_bytes()
    page = Page(raw.decode())
    assert b"\x00" not in raw and "\u202e".encode() not in raw
    assert len(page.all("script")) == 1 and not page.all("script")[0]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert {attrs["src"][:22] for attrs in page.all("img") if attrs["src"]} == {"data:image/jpeg;base64"}
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
    assert "alert(1)" in page.text and "{{ 7*7 }}" in page.text and "U+202E" in page.text
    clean = Page(write_report(small_run(tmp_path / "clean", 6, finish=lambda r, c: accept(r, c))).read_text())
    assert {n for _, a in page.tags for n in a} <= {n for _, a in clean.tags for n in a} | {"colspan", "role"}


KNOWN_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "div", "h1", "h2", "h3", "h4",
    "small", "nav", "a", "main", "strong", "span", "b", "section", "bdi", "p", "mark", "u", "i",
    "article", "figure", "img", "details", "summary", "dl", "dt", "dd", "table", "tr", "th", "td",
    "pre", "footer", "script", "br", "figcaption",
}  # fmt: skip


def test_the_page_needs_and_allows_no_network(tmp_path: Path) -> None:
    run = mixed_run(tmp_path / "run")
    text = write_report(run).read_text()
    [policy] = [a["content"] or "" for a in Page(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    for part in ("default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "base-uri 'none'"):
        assert part in policy
    assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text
    assert all((a.get("href") or "").startswith("#") for a in Page(text).all("a"))
    assert not Page(text).all("link")


def test_the_policy_allows_exactly_our_script(tmp_path: Path) -> None:
    import hashlib

    text = write_report(mixed_run(tmp_path / "run")).read_text()
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in text.replace("&#43;", "+")


@pytest.mark.parametrize(
    "path", ["../secret.jpg", "/etc/passwd", "../../etc/passwd", "images/../../secret.jpg", "images/a\x00"]
)
def test_pictures_outside_the_run_are_not_read(tmp_path: Path, path: str) -> None:
    accept(tmp_path / "other", candidate("secret", 0))
    secret = next((tmp_path / "other").rglob("*.jpg"))
    (tmp_path / "secret.jpg").write_bytes(secret.read_bytes())

    def lead_out(one: Candidate) -> None:
        one.images[0].path = path

    page = page_of(small_run(tmp_path / "run", 2, lead_out))
    assert not page.all("img") and "is not a path below images/" in page.text


def test_missing_and_broken_pictures_are_named(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", 3)
    first, second, _ = sorted(run.rglob("*.jpg"))
    first.unlink()
    second.write_bytes(b"GIF89a broken")
    page = page_of(run)
    assert len(page.all("img")) == 1
    assert "does not exist" in page.text and "not a readable picture" in page.text


# -- where it goes ----------------------------------------------------------------------------


def test_target(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", 1)
    assert write_report(run) == run / "report.html"
    assert write_report(run, tmp_path / "new" / "page.html") == tmp_path / "new" / "page.html"
    assert write_report(run, tmp_path) == tmp_path / "report.html"
    assert not list(tmp_path.rglob("*.part"))


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="not a run"):
        write_report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_same_run_same_page(tmp_path: Path) -> None:
    run = mixed_run(tmp_path / "run")
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


@pytest.mark.parametrize("pictures", [1, 4])
def test_memory_stays_flat(tmp_path: Path, pictures: int) -> None:
    """Twice the candidates must not need noticeably more memory."""

    def peak(count: int) -> int:
        def made():
            for index in range(count):
                one = candidate("abnormal", index)
                if pictures > 1:
                    with_pictures(one, pictures, "interleaved")
                one.turns[1].text += f" {index}"
                one.state = "text_ok"
                yield one

        run = save_run(tmp_path / str(count), made(), {"abnormal": count}, renderer=None)
        ledger = Ledger(run)
        tracemalloc.start()
        gather(ledger)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(50)  # imports and caches
    small, large = peak(1000), peak(3000)
    assert large < small + 1_500_000, (small, large)


# -- small parts ------------------------------------------------------------------------------


def test_distinct_is_exact_then_close() -> None:
    some = Distinct(size=256)
    for number in range(200):
        some.add(str(number))
        some.add(str(number))
    assert len(some) == 200 and str(some) == "200"
    for number in range(20_000):
        some.add(str(number))
    assert 0.8 * 20_000 < len(some) < 1.2 * 20_000 and str(some).startswith("about")


def test_tops_histogram_evenly_shares() -> None:
    tops = Tops(limit=2)
    for text in "aabbbcd":
        tops.add(text)
    assert tops.most(5) == [("b", 3), ("a", 2)] and tops.others == 2 and tops.total == 7

    scores = Histogram()
    for value in (0.25, 0.251, 0.3, float("nan"), float("inf")):
        scores.add(value)
    assert scores.count == 3 and sum(count for _, count in scores.bars) == 3
    scores.add(40.0)
    assert scores.bars == [] and scores.high == 40

    assert evenly(3, 10) == {0, 1, 2} and evenly(101, 3) == {0, 50, 100}
    assert evenly(0, 5) == frozenset() and evenly(9, 1) == {0} and evenly(9, 0) == frozenset()
    assert shares({"a": 100, "b": 3, "c": 0}, 10) == {"a": 7, "b": 3, "c": 0}
    assert sum(shares(dict.fromkeys("abcdefg", 50), 60).values()) == 60


def test_emphasis_in_pieces() -> None:
    assert emphasis("((a fox)), snow, (sky:1.2)") == [
        Piece("a fox", "(( ))"), Piece(", snow, "), Piece("sky", "1.2"),
    ]  # fmt: skip
    assert "".join(piece.text for piece in emphasis("((((" * 5000)) == "((((" * 5000
    assert visible("a\x00b\u202ec\u200b 😀\nd") == "a␀b⟨U+202E⟩c⟨U+200B⟩ 😀\nd"
    assert visible("a\ud800b") == "a⟨U+D800⟩b"
    assert visible("x" * 30, 10) == "x" * 10 + " … 20 more characters"
