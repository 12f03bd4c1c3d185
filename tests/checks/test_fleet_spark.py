"""The fold on Apache Spark: `mapInPandas` over rows of dumps, the parts that it gives merged. A real Spark runs here.

It needs `pip install pyspark` and a Java runtime; it is an example of how another engine calls the same functions.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.checks.compare.compare import comparison_of
from inspector.checks.fleet.engine import merge_bytes, summarise_frames, summarise_many
from inspector.checks.fleet.files import decode_part
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked
from inspector.reports.compare import comparison_json
from tests.fresh import ROOT

ASKED = Asked(question="compare", secrets_out=True)
NAMES = sorted(str(path) for path in (ROOT / "snapshots").glob("*-linux-*.json"))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark in this machine, with two Python workers."""
    sql = pytest.importorskip("pyspark.sql", reason="Spark is not installed: pip install pyspark")
    pytest.importorskip("pandas", reason="pandas is not installed")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs a Java runtime: apt-get install default-jre-headless")
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.chdir(folder)
        builder = sql.SparkSession.builder.master("local[2]").appName("fleet")
        settings = {"spark.ui.enabled": "false", "spark.local.dir": str(folder), "spark.driver.host": "127.0.0.1"}
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.mark.slow
def test_spark_gives_the_report_of_one_process(spark: Any) -> None:
    rows = [(place, name, bytearray(Path(name).read_bytes())) for place, name in enumerate(NAMES)]
    frame = spark.createDataFrame(rows, "position long, name string, dump binary").repartition(3)
    parts = [bytes(row.part) for row in frame.mapInPandas(summarise_frames(ASKED), "part binary").collect()]
    assert 1 < len(parts) <= 3
    whole = decode_part(merge_bytes(parts), "what Spark gave")
    assert whole == read_paths(NAMES, ASKED, jobs=1)
    assert comparison_json(comparison_of(whole)) == comparison_json(comparison_of(read_paths(NAMES, ASKED, jobs=1)))


@pytest.mark.slow
def test_spark_tells_of_a_dump_that_cannot_be_read(spark: Any) -> None:
    rows = [(0, "broken.json", bytearray(b'{"format":"vcpu-inspector-dump"'))]
    frame = spark.createDataFrame(rows, "position long, name string, dump binary")
    with pytest.raises(Exception, match=r"broken\.json"):
        frame.mapInPandas(summarise_frames(ASKED), "part binary").collect()


@pytest.mark.slow
def test_spark_skips_what_cannot_be_read(spark: Any) -> None:
    """Also where a partition has nothing that can, or nothing at all; an empty cell is an empty file."""
    asked = msgspec.structs.replace(ASKED, skip=True)
    dumps = [(0, "broken.json", b'{"format":"vcpu-inspector-dump"'), (1, NAMES[0], Path(NAMES[0]).read_bytes())]
    dumps += [(2, "empty", b""), (3, "noise", bytes(range(256)))]
    rows = [(place, name, bytearray(content)) for place, name, content in dumps]
    frame = spark.createDataFrame([*rows, (4, "none", None)], "position long, name string, dump binary")
    for count in (1, 2, 9):
        answers = frame.repartition(count).mapInPandas(summarise_frames(asked), "part binary").collect()
        part = decode_part(merge_bytes([bytes(row.part) for row in answers]), "what Spark gave")
        given = [*dumps, (4, "none", b"")]
        assert part == decode_part(summarise_many(given, msgspec.msgpack.encode(asked)), "of one process")
        assert (part.dumps, [one.source for one in part.unread.named]) == (1, ["broken.json", "empty", "noise", "none"])
