"""docker/compose.yaml by the compose specification's schema, and what it says held against what the images hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from controller.settings import load
from controller.stack.triton_container import PORTS
from tests.images.dockerfile import FOLDER, ROOT, environment, last, stages, whole

yaml = pytest.importorskip("ruamel.yaml", reason="`make setup` gets what reads a compose file")

FILE = FOLDER / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.YAML(typ="safe").load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}


@pytest.mark.parametrize(
    "file", [FILE, FOLDER / "triton-alone.yaml", FOLDER / "watching.yaml"], ids=lambda one: one.stem
)
def test_it_is_what_the_compose_specification_says(file: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_profile_has_one_triton_that_the_controller_waits_for() -> None:
    for profile in ("cpu", "gpu"):
        names = {name for name, service in SERVICES.items() if profile in service["profiles"]}
        assert names == {"line", "asterisk", "controller", "models", f"triton-{profile}"}
        assert f"triton-{profile}" in SERVICES["controller"]["depends_on"]
    waited_for = SERVICES["controller"]["depends_on"]
    assert waited_for.pop("asterisk") == {"condition": "service_healthy"}
    # The other profile's is none that must be there.
    assert all(one == {"condition": "service_healthy", "required": False} for one in waited_for.values())


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_can_be_written_but_volumes_and_memory_and_nobody_gains_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "pid", "ipc", "devices", "cap_add"} & set(service)
    assert service["init"] is True, "what a model's process leaves behind is taken in, and signals reach the program"


@pytest.mark.parametrize("name", BUILT)
def test_what_is_built_is_there(name: str) -> None:
    build = BUILT[name]["build"]
    file = ROOT / build["dockerfile"]
    assert (FOLDER / build["context"]).resolve() == ROOT and file.is_file()
    assert build.get("target", stages(file)[-1].name) in {stage.name for stage in stages(file)}


def test_asterisk_and_the_controller_share_a_network_that_neither_takes_along() -> None:
    assert {SERVICES[name]["network_mode"] for name in ("asterisk", "controller")} == {"service:line"}
    assert SERVICES["line"]["entrypoint"] == ["sleep", "infinity"] and set(SERVICES["line"]["networks"]) == {
        "default",
        "engines",
    }
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["line"]


def test_the_ports_that_are_let_in_are_asterisks() -> None:
    asterisk = whole(FOLDER / "asterisk.Dockerfile")
    exposed = last(asterisk, "EXPOSE")
    assert exposed is not None
    assert SERVICES["line"]["ports"] == [f"{port.partition('/')[0]}:{port}" for port in exposed.words]
    text = (ROOT / "asterisk" / "container.py").read_text()
    first, last_port = (re.search(rf"^rtp_{name} = (\d+)$", text, re.MULTILINE) for name in ("first", "last"))
    assert first and last_port and f"{first[1]}-{last_port[1]}/udp" in exposed.words


def test_triton_is_reached_under_the_name_that_the_settings_have_and_by_nobody_outside() -> None:
    settings = load(FOLDER / "conf" / "dragoman.toml")
    assert settings.triton.grpc == f"triton:{PORTS['grpc']}"
    for name in ("triton-cpu", "triton-gpu"):
        assert SERVICES[name]["networks"] == {"engines": {"aliases": ["triton"]}}
        assert SERVICES[name]["volumes"] == ["${DRAGOMAN_MODELS:-models}:/model_repository:ro"]
    assert COMPOSE["networks"]["engines"] == {"internal": True}


def test_a_stop_waits_longer_than_calls_are_waited_for() -> None:
    settings = load(FOLDER / "conf" / "dragoman.toml")
    grace = SERVICES["controller"]["stop_grace_period"]
    assert grace.endswith("m") and int(grace.removesuffix("m")) * 60 > settings.calls.drain_s


def test_voices_lie_in_a_volume() -> None:
    store = load(FOLDER / "conf" / "dragoman.toml").voices.store
    mounted = [
        one.split(":")[1] for one in SERVICES["controller"]["volumes"] if one.split(":")[0] in COMPOSE["volumes"]
    ]
    assert any(store.startswith(f"{path}/") for path in mounted)


def test_the_images_variables_and_the_operators_are_settings_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(whole(FOLDER / "controller.Dockerfile")).items():
        if name.startswith("DRAGOMAN_"):
            monkeypatch.setenv(name, value)
    example = (FOLDER / "env.example").read_text()
    offered = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", example, re.MULTILINE))
    for name, value in offered.items():
        monkeypatch.setenv(name, value)
    settings = load(FOLDER / "conf" / "dragoman.toml")  # refuses a variable that names nothing
    assert (settings.engines.stt, settings.engines.mt) == ("deepgram", "deepl")
    asked = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert asked - set(offered) == {"DRAGOMAN_ASTERISK__PASSWORD"}, "which is made up where nobody sets it"
    set_by_default = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)
    assert set_by_default == ["COMPOSE_PROFILES", "DRAGOMAN_ADDRESS"]


def test_triton_alone_is_reached_by_this_machine_where_the_settings_look_for_it() -> None:
    reached = yaml.YAML(typ="safe").load((FOLDER / "triton-alone.yaml").read_text())["services"]
    assert set(reached) == {name for name in SERVICES if name.startswith("triton-")}
    for service in reached.values():
        assert service["ports"] == [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}" for name in ("grpc", "metrics")]
        assert "default" in service["networks"], "an internal network lets nobody in"
    assert load().triton.grpc == f"127.0.0.1:{PORTS['grpc']}"


def test_what_watches_is_given_what_lies_there() -> None:
    watching = yaml.YAML(typ="safe").load((FOLDER / "watching.yaml").read_text())["services"]
    for name in ("prometheus", "grafana"):
        service = watching[name]
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"]), "pinned"
        assert service["network_mode"] == "service:line" and service["read_only"] is True
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (FOLDER / source).is_dir(), source
    assert watching["line"]["ports"] == ["127.0.0.1:3000:3000"]
