"""A folder of a neural translator: what it is, what it lacks, how it cuts a text, and where it goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.engines.mt import neural
from controller.engines.registry import EngineContext
from controller.errors import SettingsError
from controller.settings import TritonSettings
from export import cli
from export.runtime.mt import pieces
from export.runtime.mt.answers import Text
from export.runtime.mt.folder import Kind, check
from export.runtime.mt.languages import NLLB, opus_target
from export.runtime.weights import WeightsError
from tests.spm_file import BPE, BYTE, spm

OPUS = ["</s>", "<unk>", "\u2581hello", "\u2581hola"]
MANY = [*OPUS, ">>spa<<", ">>fra<<"]
NLLB_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "\u2581hello", "eng_Latn", "spa_Latn", "fra_Latn"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))


def folder(path: Path, vocabulary: list[str], **config: object) -> Path:
    """What a converter leaves, as far as it is looked at."""
    path.mkdir(parents=True)
    (path / "model.bin").write_bytes(b"\x06\0\0\0\x10\0TransformerSpec\0rest")
    (path / "config.json").write_text(json.dumps(config))
    (path / "shared_vocabulary.json").write_text(json.dumps(vocabulary))
    (path / "source.spm").write_bytes(spm([("\u2581hello", -1.0)]))
    return path


def export(checkpoint: Path, out: Path, *more: str) -> int:
    return cli.main(["mt", "--checkpoint", str(checkpoint), "--out", str(out), *more])


# Folders


@pytest.mark.parametrize(
    ("vocabulary", "config", "kind", "targets", "adds_end"),
    [
        (OPUS, {}, Kind.OPUS, 0, False),
        (OPUS, {"add_source_eos": True}, Kind.OPUS, 0, True),
        (MANY, {"add_source_eos": False}, Kind.OPUS, 2, False),
        (NLLB_TOKENS, {}, Kind.NLLB, 0, False),
    ],
)
def test_a_folder_is_known_by_its_vocabulary(
    tmp_path: Path, vocabulary: list[str], config: dict[str, object], kind: Kind, targets: int, adds_end: bool
) -> None:
    found = check(folder(tmp_path / "m", vocabulary, **config))
    assert (found.kind, len(found.targets), found.adds_end) == (kind, targets, adds_end)
    assert found.files == ["model.bin", "config.json", "shared_vocabulary.json", "source.spm"]


def test_older_conversions_are_taken(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", OPUS)
    (path / "shared_vocabulary.json").unlink()
    (path / "config.json").unlink()
    for side in ("source", "target"):
        (path / f"{side}_vocabulary.txt").write_text("\n".join(OPUS) + "\n")
    assert check(path).kind is Kind.OPUS


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: (path / "model.bin").unlink(), "has no model.bin: give the folder"),
        (lambda path: (path / "model.bin").write_bytes(b"WhisperSpec"), "model.bin is not a CTranslate2 translator"),
        (lambda path: (path / "source.spm").unlink(), "nothing that cuts a text into tokens: copy source.spm"),
        (lambda path: (path / "shared_vocabulary.json").unlink(), "has no shared_vocabulary.json"),
        (lambda path: (path / "shared_vocabulary.json").write_text("{"), "cannot be read: .* Convert the model again"),
        (lambda path: (path / "shared_vocabulary.json").write_text('{"a": 1}'), "is no list of tokens"),
        (lambda path: (path / "shared_vocabulary.json").write_text('["a"]'), "of a kind that is not known here"),
        (
            lambda path: (path / "shared_vocabulary.json").write_text('["</s>", "__en__"]'),
            "of a kind that is not known",
        ),
        (lambda path: (path / "config.json").write_text("{"), "config.json is not JSON"),
    ],
)
def test_a_bad_folder_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], said: str
) -> None:
    path = folder(tmp_path / "opus-mt-en-es", OPUS)
    spoil(path)
    with pytest.raises(WeightsError, match=said):
        check(path)
    assert export(path, tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert told.startswith("export: ") and told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none is not a folder"):
        check(tmp_path / "none")


# The command


def test_it_fills_the_repository_and_says_what_to_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    path = folder(tmp_path / "opus-mt-en-es", OPUS)
    (path / "README.md").write_text("not needed")
    assert export(path, out) == 0
    model = out / "opus-mt-en-es"
    assert sorted(one.name for one in (model / "1/weights").iterdir()) == sorted(check(path).files)
    assert 'key: "pairs" value: { string_value: "en-es" }' in (model / "config.pbtxt").read_text()
    assert "TritonPythonModel" in (model / "1/model.py").read_text()
    assert (model / ".gitignore").read_text() == "*\n"
    assert json.loads((out / "export.json").read_text())["models"]["opus-mt-en-es"]["source"]["version"] == "local"
    said = capsys.readouterr().out
    assert '[engines.options.neural.models]\n"opus-mt-en-es" = ["en-es"]' in said
    assert export(path, out) == 0
    assert "was ready already" in capsys.readouterr().out
    assert cli.main(["list", "--out", str(out)]) == 0
    assert re.search(r"mt +opus-mt-en-es +opus-mt-en-es local", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "vocabulary", "more", "pairs"),
    [
        ("opus-mt-tc-big-en-es", OPUS, [], "en-es"),
        ("opus_mt_es_en_int8", OPUS, [], "es-en"),
        ("mine", OPUS, ["--pairs", "en-es, es-en"], "en-es es-en"),
        ("many", MANY, ["--pairs", "en-fr"], "en-fr"),
        ("nllb-200-distilled-600M", NLLB_TOKENS, [], "all"),
        ("nllb-200-distilled-600M", NLLB_TOKENS, ["--pairs", "en-es"], "en-es"),
    ],
)
def test_what_it_translates_is_told_or_read_from_its_name(
    tmp_path: Path, name: str, vocabulary: list[str], more: list[str], pairs: str
) -> None:
    assert export(folder(tmp_path / name, vocabulary), tmp_path / "out", "--name", "model", *more) == 0
    assert f'key: "pairs" value: {{ string_value: "{pairs}" }}' in (tmp_path / "out/model/config.pbtxt").read_text()


@pytest.mark.parametrize(
    ("name", "vocabulary", "more", "said"),
    [
        ("mine", OPUS, [], "mine translates cannot be told from its name: say it with --pairs en-es"),
        ("mine", OPUS, ["--pairs", "en"], "'en' is no pair of languages"),
        ("mine", OPUS, ["--pairs", "en-en"], "'en-en' is no pair of languages"),
        ("nllb", NLLB_TOKENS, ["--pairs", "en-de"], "nllb does not know en-de: its languages are en, es, fr"),
        ("many", MANY, ["--pairs", "en-de"], "many has no token for the target language de"),
        ("opus-mt-en-es", OPUS, ["--name", "apertium"], "'apertium' cannot be the name of this model"),
        ("opus-mt-en-es", OPUS, ["--name", "/"], "'/' cannot be the name of this model"),
    ],
)
def test_what_cannot_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, vocabulary: list[str], more: list[str], said: str
) -> None:
    assert export(folder(tmp_path / name, vocabulary), tmp_path / "out", *more) == 1
    assert said in capsys.readouterr().err


# Pieces


def cut(path: Path, model: bytes) -> pieces.Cut:
    path.write_bytes(model)
    return pieces.of_model(path)


def test_a_text_is_cut_where_the_scores_say(tmp_path: Path) -> None:
    words = [
        ("\u2581hello", -1.0),
        ("\u2581hell", -0.5),
        ("o", -2.0),
        ("\u2581wor", -1.0),
        ("ld", -1.0),
        ("\u2581", -5.0),
    ]
    one = cut(tmp_path / "a.spm", spm(words))
    assert one("  hello   world ") == ["\u2581hello", "\u2581wor", "ld"]
    better = cut(tmp_path / "b.spm", spm([*words[:2], ("o", -0.1), *words[3:]]))
    assert better("hello") == ["\u2581hell", "o"]
    bare = cut(tmp_path / "c.spm", spm([("hello", -1.0), *words], prefix=False))
    assert bare("hello hello") == ["hello", "\u2581hello"]


def test_what_is_a_sign_to_the_model_is_text_to_us(tmp_path: Path) -> None:
    one = cut(tmp_path / "a.spm", spm([("\u2581", -1.0), *((char, -2.0) for char in "</s>unk")]))
    assert one("</s>") == ["\u2581", "<", "/", "s", ">"]
    assert "<unk>" not in one("<unk>")


def test_merges_are_those_of_the_scores(tmp_path: Path) -> None:
    """BPE: the piece with the best score is put together first."""
    letters = [(char, -9.0) for char in "\u2581abc"]
    one = cut(tmp_path / "a.spm", spm([*letters, ("ab", -1.0), ("bc", -2.0), ("\u2581ab", -3.0)], algorithm=BPE))
    assert one("abc") == ["\u2581ab", "c"]
    other = cut(tmp_path / "b.spm", spm([*letters, ("ab", -2.0), ("bc", -1.0), ("\u2581a", -3.0)], algorithm=BPE))
    assert other("abc") == ["\u2581a", "bc"]


def test_unknown_characters_may_be_bytes(tmp_path: Path) -> None:
    many = [(f"<0x{byte:02X}>", -10.0, BYTE) for byte in range(256)]
    one = cut(tmp_path / "a.spm", spm([("\u2581", -1.0), *many]))
    assert pieces.joined(one("é")) == "é"


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\xff", b"\x0a\x03\x0a\x01\xff"])
def test_what_is_no_model_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source.spm").write_bytes(content)
    with pytest.raises(WeightsError, match=r"source\.spm is no SentencePiece model"):
        pieces.of_model(tmp_path / "source.spm")
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"tokenizer\.json cannot be read"):
        pieces.of_tokenizer(tmp_path / "tokenizer.json")


def test_pieces_become_text() -> None:
    assert pieces.joined(["\u2581¿", "Dónde", "\u2581est", "á", "?", "\u2581<0xC3>"]) == "¿Dónde está? <0xC3>"
    assert pieces.joined(["<0xC3>", "<0xA9>", "\u2581a"]) == "é a"
    assert pieces.joined([]) == ""


# Languages, answers, and the engine


def test_targets_are_named_as_the_model_names_them() -> None:
    assert opus_target("es", {">>spa<<", ">>fra<<"}) == ">>spa<<"
    assert opus_target("es", {">>es<<"}) == ">>es<<"
    assert opus_target("zh", {">>zho_Hant<<", ">>zho_Hans<<", ">>jpn<<"}) == ">>zho_Hans<<"
    assert opus_target("de", {">>spa<<"}) is None
    assert NLLB["en"] == "eng_Latn" and all(re.fullmatch("[a-z]{3}_[A-Z][a-z]{3}", token) for token in NLLB.values())


def test_a_text_is_answered_once() -> None:
    one = Text("sender", 2)
    assert not one.put(1, "dos")
    assert one.put(0, "uno")
    assert (one.whole, one.end()) == ("uno dos", False)
    failed = Text("sender", 2)
    assert failed.end()
    assert not failed.put(0, "uno") and not failed.put(1, "dos")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "does not know its models"),
        ({"models": {}}, "does not know its models"),
        ({"models": {"a": ["en-es"]}, "beam": 2}, "does not know its models"),
        ({"models": {"a": "en-es"}}, "model a translates is no list"),
        ({"models": {"a": ["en"]}}, "model a translates is no pair"),
        ({"models": {"a": ["en-en"]}}, "model a translates is no pair"),
        ({"models": {"a": ["english-spanish"]}}, "model a translates is no pair"),
    ],
)
def test_a_wrong_option_of_the_engine_is_told(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        neural.make(EngineContext(None, TritonSettings(), options))  # type: ignore[arg-type]


def test_the_engine_knows_its_pairs() -> None:
    options = {"models": {"a": ["en-es"], "b": ["en", "es", "fr"]}}
    engine = neural.make(EngineContext(None, TritonSettings(), options))  # type: ignore[arg-type]
    assert all(engine.translates(*pair) for pair in (("en", "es"), ("es", "en"), ("en-US", "fr-CA"), ("fr", "es")))
    assert not engine.translates("en", "de") and not engine.translates("en", "en")
