"""An OpenAI-compatible server that answers at once: it turns the labelled lines of the last message
into keywords, or into a sentence. Run by benchmarks/throughput.py in a process of its own."""

from __future__ import annotations

import sys

import orjson
from aiohttp import web

SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "pa", "ri", "so", "tu", "va", "we", "xo", "yu", "ze", "fi")


def words(seed: int) -> list[str]:
    """Six made-up words, so that replies differ as those of a model would."""
    return ["".join(SYLLABLES[(seed * (7919 + 101 * n) >> shift) & 15] for shift in (3, 9, 15)) for n in range(6)]


def reply_to(message: str, schema: dict[str, object], seed: int) -> dict[str, object]:
    own = words(seed)
    values = [line.partition(": ")[2] for line in message.splitlines() if ": " in line]
    values = [value.replace(",", " ") for value in values if value and not value.endswith("?")]
    if "keywords" in schema:
        return {"keywords": [value[:80] for value in values[:5]] + [f"{own[0]} {own[1]}", f"{own[2]} {own[3]}"]}
    # two words of its own: with more, the grounding filter would find that too much was not planned
    return {"answer": f"Seen here: {' and '.join(values)}"[:300] + f", {' '.join(own[:2])}."}


async def chat(request: web.Request) -> web.Response:
    body = orjson.loads(await request.read())
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {})
    content = orjson.dumps(reply_to(body["messages"][-1]["content"], schema, body["seed"])).decode()
    return web.Response(
        body=orjson.dumps(
            {
                "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 600, "completion_tokens": 60},
            }
        ),
        content_type="application/json",
    )


def main() -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
