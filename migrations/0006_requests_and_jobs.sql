-- Tables that requests and jobs share: rate limits, idempotency keys, messages, webhooks, runs of jobs.

create unlogged table rate_limits (
  bucket       text        not null,
  window_start timestamptz not null,
  hits         integer     not null default 0,
  primary key (bucket, window_start)
);
create index rate_limits_by_window on rate_limits (window_start);
alter table rate_limits enable row level security;      -- granted to no role: functions count
comment on table rate_limits is 'requests per identity, tier and window; unlogged: a crash may lose them';

create table idempotency_keys (
  user_id         uuid        not null references users (id) on delete cascade,
  organization_id uuid        references organizations (id) on delete cascade,
  route           text        not null,
  key             text        not null check (length(key) between 1 and 255),
  request_hash    bytea       not null check (length(request_hash) = 32),
  locked_until    timestamptz not null,
  answer          jsonb,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  unique nulls not distinct (user_id, organization_id, route, key)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
-- A row need not have an organization, so the table is no tenant table: functions write it.
alter table idempotency_keys enable row level security;
create policy every_request on idempotency_keys to vitrine_worker using (true) with check (true);
grant select, delete on idempotency_keys to vitrine_worker;
comment on column idempotency_keys.organization_id is 'null: a request outside every organization';
comment on column idempotency_keys.locked_until is
  'while the answer is null: how long the request that claimed the key has it to itself';
comment on column idempotency_keys.answer is
  'null until the request has finished; a request that failed frees its key';

create table outbox (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  queue           text        not null,
  body            jsonb       not null,
  event_key       text        not null,
  created_at      timestamptz not null default now(),
  sent_at         timestamptz,
  unique (organization_id, event_key)
);
create index outbox_unsent on outbox (created_at, id) where sent_at is null;
select tenant_table('outbox');
grant select, insert, update, delete on outbox to vitrine_app, vitrine_worker;
comment on table outbox is
  'messages written by the transaction that causes them; sent right after its commit, or by a job';

create table webhooks (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  url             text        not null,
  secret          bytea       not null,
  events          text[]      not null,
  is_active       boolean     not null default true,
  created_at      timestamptz not null default now(),
  created_by      uuid        not null,
  unique (organization_id, id)
);
select tenant_table('webhooks');
grant select, insert, update, delete on webhooks to vitrine_app, vitrine_worker;

create table job_runs (
  id          uuid        primary key,
  job         text        not null,
  dry_run     boolean     not null default false,
  cursor      jsonb,
  report      jsonb       not null default '{}',
  lease_until timestamptz not null,
  started_at  timestamptz not null default now(),
  finished_at timestamptz
);
create index job_runs_newest on job_runs (job, started_at desc);
create unique index job_runs_one_at_a_time on job_runs (job) where finished_at is null and not dry_run;
alter table job_runs enable row level security;
create policy every_run on job_runs to vitrine_worker using (true) with check (true);
grant select, insert, update, delete on job_runs to vitrine_worker;
comment on table job_runs is 'one row per run of a scheduled job; an unfinished one has the job''s lease';
