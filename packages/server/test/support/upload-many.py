"""Uploads files with one library over keep-alive connections. Prints one line of JSON: the number of answers by status.

Arguments: name of the library, a JSON object {url, headers, fields} for the form, sizes in bytes separated by commas, and
the number of rounds.
"""
import asyncio
import collections
import hashlib
import json
import sys

library, target, sizes, rounds = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
bodies = [(b"%d\r\n--" % size * size)[:size] for size in map(int, sizes.split(","))]
counts = collections.Counter()


def count(status, answer, body):
    taken = answer.get("sizeBytes", answer.get("size_bytes")) == len(body)
    digest = answer.get("digest")
    same = digest is None or digest == "sha256:" + hashlib.sha256(body).hexdigest()
    counts[str(status) if status != 201 or (taken and same) else "wrong bytes"] += 1


def with_session(session):
    for _ in range(rounds):
        for body in bodies:
            files = {"file": ("a.bin", body, "application/octet-stream")}
            answer = session.post(target["url"], headers=target["headers"], data=target["fields"], files=files)
            count(answer.status_code, answer.json(), body)


async def with_aiohttp():
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for _ in range(rounds):
            for body in bodies:
                form = aiohttp.FormData(target["fields"])
                form.add_field("file", body, filename="a.bin")
                async with session.post(target["url"], headers=target["headers"], data=form) as answer:
                    count(answer.status, await answer.json(content_type=None), body)


if library == "httpx":
    import httpx

    with httpx.Client(timeout=30) as client:
        with_session(client)
elif library == "requests":
    import requests

    with requests.Session() as session:
        with_session(session)
else:
    asyncio.run(with_aiohttp())
print(json.dumps(counts))
