"""Deployment files are valid, and name only existing commands, settings and files."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from mixes.queues import QUEUES
from mixtape_site import server
from mixtape_site.configuration.limits import Limits
from mixtape_site.configuration.worker_environment import WITHHELD
from mixtape_site.tests.configuration.test_settings_documents import READ

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted([*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")])
TEXTS = [*sorted(path for path in DEPLOY.iterdir() if path.is_file()), ROOT / "docs" / "deployment.md"]
OF_THE_PROXY = {"MIXTAPE_HOST", "MIXTAPE_UPSTREAM"}  # read by Caddy and compose, not by Mixtape


class Lists(dict):
    """Keys that occur more than once keep all their values."""

    def __setitem__(self, key, value):
        if isinstance(value, list) and key in self:
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def read_unit(path):
    parser = configparser.RawConfigParser(
        strict=False, dict_type=Lists, interpolation=None, delimiters=("=",)
    )
    parser.optionxform = str
    parser.read(path)
    return {
        name: {key: value.split("\n") for key, value in parser[name].items()} for name in parser.sections()
    }


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_existing_commands(path):
    unit = read_unit(path)
    assert unit["Unit"]["Description"]
    for key in ("ExecStart", "ExecStartPre"):
        for line in unit.get("Service", {}).get(key, []):
            python, program, *arguments = shlex.split(line)
            assert python == "/srv/mixtape/app/.venv/bin/python"
            if program == "manage.py":
                assert arguments[0] in get_commands()
            else:
                assert [program, *arguments] == shlex.split(
                    "-m gunicorn -c python:mixtape_site.server mixtape_site.wsgi"
                )


@pytest.mark.parametrize("name", ["mixtape.service", "mixtape-web.service", "mixtape-worker@.service"])
def test_services_stop_gracefully_and_are_sandboxed(name):
    service = read_unit(DEPLOY / name)["Service"]
    assert service["KillMode"] == ["mixed"] and int(service["TimeoutStopSec"][0]) >= 30
    assert service["User"] == ["mixtape"] and service["NoNewPrivileges"] == ["yes"]
    assert service["ProtectSystem"] == ["strict"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_settings_exist(path):
    named = set(
        re.findall(
            r"\b(?:MIXTAPE|GOOGLE|SECRET|TOKENS)_[A-Z_]+\b|\b(?:DATABASE|EMAIL)_URL\b", path.read_text()
        )
    )
    assert named - READ <= OF_THE_PROXY


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_exist(path):
    assert set(re.findall(r"manage\.py ([a-z_]+)", path.read_text())) <= set(get_commands())


def test_only_the_web_server_and_the_publish_worker_get_secrets():
    env_files = {path.name: read_unit(path).get("Service", {}).get("EnvironmentFile", []) for path in UNITS}
    secret = "-/etc/mixtape-secrets.env"
    assert {name for name, files in env_files.items() if secret in files} == {
        "mixtape.service",
        "mixtape-web.service",
    }
    assert env_files["mixtape-worker@.service"] == ["/etc/mixtape.env", "-/etc/mixtape-%i.env"]
    text = (DEPLOY / "mixtape.env.example").read_text()
    assert not any(name in text for name in WITHHELD["long"])


def test_enabled_queues_exist():
    named = re.findall(r"mixtape-worker@(\w+)", (ROOT / "docs" / "deployment.md").read_text())
    assert set(named) <= set(QUEUES) and {"short", "long"} <= set(named)


def test_the_image_runs_unprivileged_and_forwards_signals():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER mixtape$", text, re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--"]' in text and 'CMD ["python", "manage.py", "up"]' in text
    for source in re.findall(r"^COPY (\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()


def test_compose_names_existing_files():
    text = (DEPLOY / "compose.yaml").read_text()
    assert "\t" not in text
    assert (
        DEPLOY / re.search(r"context: (\S+)", text)[1] / re.search(r"dockerfile: (\S+)", text)[1]
    ).is_file()
    assert re.search(r"\./(Caddyfile):", text)
    for line in ("read_only: true", "cap_drop: [ALL]", "stop_grace_period: 60s"):
        assert f"\n    {line}\n" in text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_verifies_the_units(tmp_path):
    for path in UNITS:
        text = path.read_text().replace("/srv/mixtape/app/.venv/bin/python", "/bin/true")
        text = re.sub(
            r"^(User|Group|EnvironmentFile|WorkingDirectory|Documentation|ReadWritePaths)=.*\n",
            "",
            text,
            flags=re.MULTILINE,
        )
        (tmp_path / path.name.replace("@.", "@short.")).write_text(text)
    units = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "mixtape" in line]
    assert done.returncode == 0 and complaints == []


def test_a_slow_client_cannot_hold_every_thread_and_uploads_still_pass():
    limit = re.search(r"limit_conn mixtape_senders (\d+);", (DEPLOY / "nginx.conf").read_text())
    assert Limits().patches_at_once < int(limit[1]) <= server.threads // 2


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not on this machine")
def test_nginx_accepts_the_example(tmp_path):
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1"]
    subprocess.run(
        [*key, "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
        check=True,
        capture_output=True,
    )
    text = (
        (DEPLOY / "nginx.conf")
        .read_text()
        .replace("/etc/letsencrypt/live/mixtape.example.org", str(tmp_path))
    )
    (tmp_path / "site.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}"
    )
    done = subprocess.run(["nginx", "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
