"""Outlined tumours, several in a scan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "tumour_map",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("mask", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_tumour_map_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tumour_map")),
        sa.UniqueConstraint("series_id", "source", name=op.f("uq_tumour_map_series_id_source")),
    )
    op.create_index(op.f("ix_tumour_map_series_id"), "tumour_map", ["series_id"])
    op.create_index(op.f("ix_tumour_map_mask"), "tumour_map", ["mask"])


def downgrade() -> None:
    """Back."""
    op.drop_index(op.f("ix_tumour_map_mask"), table_name="tumour_map")
    op.drop_index(op.f("ix_tumour_map_series_id"), table_name="tumour_map")
    op.drop_table("tumour_map")
