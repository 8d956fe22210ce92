"""Adapters that remember: tables, repositories, migrations."""
