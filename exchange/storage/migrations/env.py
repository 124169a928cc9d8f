"""Run the migrations on the connection that `exchange.storage.migration` hands over."""

from alembic import context

from exchange.storage.schema_whole import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
