"""Dumps in an S3 store, by s3fs: a server of moto in this process stands for the store."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.checks.fleet.engine import merge_bytes, summarise_places
from inspector.checks.fleet.files import decode_part
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.stores import in_chunks, places_of
from inspector.checks.fleet.summarise import Asked
from inspector.errors import InspectorError
from tests.checks.material import host_of_three_kinds

ASKED = Asked(question="compare")
COUNT = 12


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """A client of the store, which has the empty bucket `fleet`; addresses of s3:// lead there."""
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
    moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[server]'")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'moto[server]'")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
            patch.delenv(name, raising=False)
        settings = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}
        for name, value in {**settings, "ENDPOINT_URL": address, "EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(f"AWS_{name}", value)
        s3fs.S3FileSystem.clear_instance_cache()
        client = boto3.client("s3", endpoint_url=address)
        client.create_bucket(Bucket="fleet")
        yield client
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


def part_at(address: str) -> Any:
    """What a cluster would make of the dumps there, in tasks of five."""
    asked = msgspec.msgpack.encode(ASKED)
    parts = [summarise_places(chunk, asked) for chunk in in_chunks(places_of([address]), 5)]
    return decode_part(merge_bytes(parts), "here")


def without_names(part: Any) -> Any:
    """A part, with nothing of where its dumps were."""
    groups = {digest: (group.count, len(group.members)) for digest, group in part.groups.items()}
    return part.dumps, groups, part.state, part.contents


def test_dumps_of_a_bucket(store: Any, tmp_path: Path) -> None:
    for number in range(COUNT):
        (tmp_path / f"{number:02}.txt").write_bytes(host_of_three_kinds(number))
        store.put_object(Bucket="fleet", Key=f"rack/{number:02}.txt", Body=host_of_three_kinds(number))
    files = read_paths([str(path) for path in sorted(tmp_path.iterdir())], ASKED)
    found = part_at("s3://fleet/rack/*.txt")
    assert without_names(found) == without_names(files)
    first = min(member for group in found.groups.values() for member in group.members)
    assert first.source == "s3://fleet/rack/00.txt"
    assert part_at("s3://fleet/rack/03.txt").dumps == 1


def test_rows_of_a_parquet_file_of_a_bucket(store: Any) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `fleet` (pyarrow) is not installed")
    from pyarrow import parquet

    table = pyarrow.table({"name": [f"h{n}" for n in range(7)], "dump": [host_of_three_kinds(n) for n in range(7)]})
    data = io.BytesIO()
    parquet.write_table(table, data, row_group_size=3)
    store.put_object(Bucket="fleet", Key="all.parquet", Body=data.getvalue())
    assert part_at("s3://fleet/all.parquet").dumps == 7


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3://fleet/nothing/*.txt", "fits no file"),
        ("s3://fleet/nothing.txt", "cannot be read"),
        ("s3://no-such-bucket/*.parquet", "no-such-bucket"),
        ("s3://no-such-bucket/a.txt", "cannot be read"),
    ],
)
def test_what_a_store_does_not_have_is_one_line(store: Any, address: str, says: str) -> None:
    with pytest.raises(InspectorError, match=says) as raised:
        part_at(address)
    assert "\n" not in str(raised.value)
