-- Storage and item counters. The transaction that changes media appends entries to a ledger; a job folds them
-- in batches into totals. A reading is the folded total plus the unfolded entries.

create table storage_ledger (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              bigint      generated always as identity primary key,
  media_id        uuid        not null,
  version_id      uuid        not null,
  delta_bytes     bigint      not null,
  delta_count     integer     not null,
  kind            text        not null check (kind in ('original', 'derived')),
  state           text        not null check (state in ('active', 'trash')),
  reason          text        not null,
  event_key       text        not null,
  folded          boolean     not null default false,
  at              timestamptz not null default now(),
  unique (organization_id, event_key),
  check (kind = 'original' or delta_count = 0)
);
create index storage_ledger_unfolded on storage_ledger (organization_id, id) where not folded;
create index storage_ledger_of_version on storage_ledger (organization_id, version_id);
select tenant_table('storage_ledger');
grant select, insert on storage_ledger to vitrine_app, vitrine_worker;
grant update (folded) on storage_ledger to vitrine_worker;
comment on table  storage_ledger is 'append-only: each change of the bytes of live objects, and its reason';
comment on column storage_ledger.delta_count is
  'the change of the number of originals; 0 for derived objects';
comment on column storage_ledger.event_key is
  'names the event; the unique key makes its repetition idempotent';

create table storage_usage (
  organization_id uuid        not null references organizations (id) on delete cascade,
  kind            text        not null check (kind in ('original', 'derived')),
  state           text        not null check (state in ('active', 'trash')),
  bytes           bigint      not null,
  items           bigint      not null,
  folded_at       timestamptz not null default now(),
  primary key (organization_id, kind, state)
);
select tenant_table('storage_usage');
grant select                 on storage_usage to vitrine_app;
grant select, insert, update on storage_usage to vitrine_worker;
comment on table  storage_usage is 'the folded part of storage_ledger';
comment on column storage_usage.items is 'the number of originals; 0 for derived objects';

create table count_ledger (
  organization_id uuid    not null references organizations (id) on delete cascade,
  id              bigint  generated always as identity primary key,
  collection_id   uuid    not null,
  place_id        uuid    not null,
  type            text    not null check (type in ('image', 'video', 'pdf', 'folder')),
  delta           integer not null,
  folded          boolean not null default false
);
create index count_ledger_unfolded on count_ledger (organization_id, place_id, type)
  include (collection_id, delta) where not folded;
create index count_ledger_to_fold on count_ledger (id) where not folded;
select tenant_table('count_ledger');
grant select, insert          on count_ledger to vitrine_app, vitrine_worker;
grant update (folded), delete on count_ledger to vitrine_worker;
comment on table count_ledger is
  'changes of the number of active, verified items directly in a place (a folder, or a collection''s root)';

create table counts (
  organization_id uuid   not null references organizations (id) on delete cascade,
  collection_id   uuid   not null,
  place_id        uuid   not null,
  type            text   not null check (type in ('image', 'video', 'pdf', 'folder')),
  items           bigint not null,
  primary key (organization_id, place_id, type)
);
select tenant_table('counts');
grant select                 on counts to vitrine_app;
grant select, insert, update on counts to vitrine_worker;
comment on table counts is 'the folded part of count_ledger: direct children only';

create table collection_counts (
  organization_id uuid   not null references organizations (id) on delete cascade,
  collection_id   uuid   not null,
  type            text   not null check (type in ('image', 'video', 'pdf', 'folder')),
  items           bigint not null,
  primary key (organization_id, collection_id, type)
);
select tenant_table('collection_counts');
grant select                 on collection_counts to vitrine_app;
grant select, insert, update on collection_counts to vitrine_worker;
comment on table collection_counts is 'count_ledger folded per collection, at any depth';
