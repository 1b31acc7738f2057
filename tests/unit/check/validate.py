# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether reports are what they claim to be: by the schemas, and by Prometheus' own parser."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import xmlschema
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[3]


@functools.cache
def _junit() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")


@functools.cache
def _report() -> Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def assert_junit(text: str) -> None:
    """Fail unless ``text`` is a JUnit report whose counts are right."""
    _junit().validate(text)
    root = xmlschema.XMLResource(text).root
    for level in (root, *root.findall("testsuite")):
        assert int(level.attrib["tests"]) == len(level.findall(".//testcase"))
        assert int(level.attrib["failures"]) == len(level.findall(".//failure"))


def assert_report(document: Any) -> None:
    """Fail unless ``document`` is as the published schema says."""
    _report().validate(document)


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples of a Prometheus text by name and labels; fails where one is there twice."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found
