"""Real tools, and how each is told to ask one URL again and again for some seconds."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REQUESTS: Final = 12
PAUSE: Final = 0.4
"""Seconds between two requests: all of them together outlive several tokens."""

NODE_TOOLS: Final = Path(__file__).parent / "node_tools"
HEADER: Final = "X-Authrecord-Token"


@dataclass(frozen=True)
class Job:
    """What a tool shall do: ask `url`, with a header if there is a `token`, in `folder`, where it may write."""

    url: str
    token: str
    folder: Path

    @property
    def lines(self) -> list[str]:
        """The header, if any."""
        return [f"{HEADER}: {self.token}"] if self.token else []


Command = Callable[[Job], list[str]]


@dataclass(frozen=True)
class Tool:
    """`missing`: why it cannot be run; empty when it can. `ways`: the ways in that it can take.

    `others`: statuses that it provokes by itself, beside 200.
    """

    command: Command
    missing: Callable[[], str]
    ways: tuple[str, ...] = ("reverse", "forward", "https")
    others: frozenset[int] = frozenset()


def needs(name: str, package: str = "") -> Callable[[], str]:
    """A program on the path, or beside this Python."""
    return lambda: "" if program(name) else f"{name} is not here: install {package or name}."


def program(name: str) -> str:
    """Where it is; empty when it is not."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent)) or ""


def curl(job: Job) -> list[str]:
    header = [word for line in job.lines for word in ("-H", line)]
    limits = ["--rate", f"{int(60 / PAUSE)}/m", "-sS", "--fail-with-body", "--max-time", "60"]
    return ["curl", *limits, *header, f"{job.url}?n=[1-{REQUESTS}]"]


def wget(job: Job) -> list[str]:
    header = [f"--header={line}" for line in job.lines]
    urls = [f"{job.url}?n={number}" for number in range(REQUESTS)]
    return ["wget", "-q", "-O", "-", f"--wait={PAUSE}", "--tries=1", *header, *urls]


def httpie(job: Job) -> list[str]:
    words = " ".join(f"'{HEADER}:{job.token}'" for _ in job.lines)
    (job.folder / "config.json").write_text('{"disable_update_warnings": true}')
    ask = f"HTTPIE_CONFIG_DIR=. {program('http')} --check-status --ignore-stdin --timeout=60 GET '{job.url}' {words}"
    return ["sh", "-ec", f"for n in 1 2 3 4 5; do {ask}; sleep 0.8; done"]


def node_fetch(job: Job) -> list[str]:
    headers = {HEADER: job.token} if job.token else {}
    script = f"""
      for (let n = 0; n < {REQUESTS}; n++) {{
        const answer = await fetch({json.dumps(job.url)}, {{headers: {json.dumps(headers)}}});
        if (answer.status !== 200) throw new Error(String(answer.status));
        console.log(await answer.text());
        await new Promise((done) => setTimeout(done, {int(PAUSE * 1000)}));
      }}"""
    return ["node", "--input-type=module", "-e", script]


def newman(job: Job) -> list[str]:
    collection = {
        "info": {
            "name": "orders",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": [
            {
                "name": "orders",
                "request": {
                    "method": "GET",
                    "url": job.url,
                    "header": [{"key": HEADER, "value": job.token} for _ in job.lines],
                },
                "event": [
                    {
                        "listen": "test",
                        "script": {"exec": ["pm.test('200', () => pm.response.to.have.status(200));"]},
                    }
                ],
            }
        ],
    }
    file = job.folder / "collection.json"
    file.write_text(json.dumps(collection))
    pause = str(int(PAUSE * 1000))
    runner = str(NODE_TOOLS / "node_modules" / "newman" / "bin" / "newman.js")
    return ["node", runner, "run", str(file), "-n", str(REQUESTS), "--delay-request", pause]


def bruno(job: Job) -> list[str]:
    headers = "".join(f"headers {{\n  {line}\n}}\n\n" for line in job.lines)
    # Without "global" Bruno looks at no proxy, and without --cacert at no authority but its own.
    (job.folder / "bruno.json").write_text(
        '{"version": "1", "name": "orders", "type": "collection", "proxy": {"enabled": "global"}}'
    )
    for number in range(REQUESTS):
        (job.folder / f"r{number}.bru").write_text(
            f"meta {{\n  name: r{number}\n  type: http\n  seq: {number + 1}\n}}\n\n"
            f"get {{\n  url: {job.url}\n  body: none\n  auth: none\n}}\n\n{headers}"
            "assert {\n  res.status: eq 200\n}\n"
        )
    runner = str(NODE_TOOLS / "node_modules" / "@usebruno" / "cli" / "bin" / "bru.js")
    trusted = '${NODE_EXTRA_CA_CERTS:+--cacert "$NODE_EXTRA_CA_CERTS"}'
    return ["sh", "-c", f"node '{runner}' run . --delay {int(PAUSE * 1000)} {trusted}"]


def schemathesis(job: Job) -> list[str]:
    origin, _, path = job.url.partition("/api/")
    schema = {
        "openapi": "3.0.0",
        "info": {"title": "orders", "version": "1"},
        "paths": {
            f"/api/{path}": {
                "get": {
                    "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
                    "responses": {"200": {"description": "orders"}},
                }
            }
        },
    }
    file = job.folder / "openapi.json"
    file.write_text(json.dumps(schema))
    header = [word for line in job.lines for word in ("-H", line)]
    limits = ["--rate-limit", "3/s", "--max-examples", str(REQUESTS), "--phases", "fuzzing", "--no-color"]
    checks = ["--checks", "status_code_conformance,not_a_server_error", "--suppress-health-check", "all"]
    return [program("schemathesis"), "run", str(file), "--url", origin, *limits, *checks, *header]


def java(job: Job) -> list[str]:
    headers = "".join(f'.header("{HEADER}", System.getenv("TOKEN"))' for _ in job.lines)
    file = job.folder / "Ask.java"
    file.write_text(
        f"""
import java.net.URI;
import java.net.http.*;

public class Ask {{
    public static void main(String[] arguments) throws Exception {{
        HttpClient client = HttpClient.newHttpClient();
        for (int n = 0; n < {REQUESTS}; n++) {{
            HttpRequest request = HttpRequest.newBuilder(URI.create("{job.url}")){headers}.build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) throw new IllegalStateException("" + answer.statusCode());
            System.out.println(answer.body());
            Thread.sleep({int(PAUSE * 1000)});
        }}
    }}
}}
"""
    )
    return ["java", str(file)]


def go(job: Job) -> list[str]:
    headers = "".join(f'request.Header.Set("{HEADER}", os.Getenv("TOKEN"))\n' for _ in job.lines)
    file = job.folder / "ask.go"
    file.write_text(
        f"""
package main

import ("fmt"; "io"; "net/http"; "os"; "time")

func main() {{
    for n := 0; n < {REQUESTS}; n++ {{
        request, _ := http.NewRequest("GET", "{job.url}", nil)
        {headers}
        answer, err := http.DefaultClient.Do(request)
        if err != nil || answer.StatusCode != 200 {{ panic(fmt.Sprint(err, answer)) }}
        body, _ := io.ReadAll(answer.Body)
        answer.Body.Close()
        fmt.Println(string(body))
        time.Sleep({int(PAUSE * 1000)} * time.Millisecond)
    }}
}}
"""
    )
    return ["go", "run", str(file)]


def node_tool(name: str) -> Callable[[], str]:
    def missing() -> str:
        if not program("node"):
            return "Node.js is not here."
        there = (NODE_TOOLS / "node_modules" / name).is_dir()
        return (
            ""
            if there
            else f"{name} is not installed: run `npm ci --ignore-scripts` in tests/gateway/node_tools."
        )

    return missing


TOOLS: Final = {
    "curl": Tool(curl, needs("curl")),
    "wget": Tool(wget, needs("wget")),
    "httpie": Tool(httpie, needs("http", "the Python package httpie")),
    # Node.js before version 24 reads no proxy from the environment.
    "node": Tool(node_fetch, needs("node"), ways=("reverse",)),
    "newman": Tool(newman, node_tool("newman")),
    "bruno": Tool(bruno, node_tool("@usebruno/cli")),
    # It begins with probes: a NUL in a header, a path that no rule has to know.
    "schemathesis": Tool(schemathesis, needs("schemathesis"), others=frozenset({400, 404})),
    # Java takes a proxy's password from code only, and Go asks no proxy for a host of this machine.
    "java": Tool(java, needs("java", "the Debian package default-jdk-headless"), ways=("reverse",)),
    "go": Tool(go, needs("go", "the Debian package golang-go"), ways=("reverse",)),
}
