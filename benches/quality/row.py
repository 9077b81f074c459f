"""Turns `vitrine eval --json` on stdin into a row of a table: python3 row.py NAME "METRIC …" [groups]"""

import json
import sys

report = json.load(sys.stdin)
name, metrics = sys.argv[1:3]


def figures(values, names):
    return ", ".join(f"{metric} {values[metric]:.3f}" for metric in names.split())


print(f"| {name} | {report['queries']} | {report['gallery']} | {figures(report['metrics'], metrics)} |")
if "groups" in sys.argv[3:]:
    for group, row in report["groups"].items():
        print(f"| … worded as {group} | {row['queries']} | | {figures(row['metrics'], metrics)} |")
