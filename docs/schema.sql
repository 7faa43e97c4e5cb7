-- The schema as the migrations leave it, for reading: tables by name, then types and signatures of functions.
-- `make docs` writes this file from the catalogs of a fresh database; reasons and bodies are in migrations/.

create table api_keys (
  id           uuid        not null,
  user_id      uuid        not null,
  name         text        not null,
  -- the first 16 characters, to recognize a key by
  prefix       text        not null,
  -- SHA-256 of the whole key
  key_hash     bytea       not null,
  scopes       text[]      not null,
  expires_at   timestamptz,
  -- the key does not work from then on; a time in the future: the key was rotated and works until then
  revoked_at   timestamptz,
  -- the key that this one replaced
  rotated_from uuid,
  -- the key that created this one, which never works longer than that; null: a signed-in person or an
  -- operator
  made_by      uuid,
  -- written at most every five minutes
  last_used_at timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  primary key (id),
  unique (key_hash),
  foreign key (made_by) references api_keys(id) on delete set null,
  foreign key (rotated_from) references api_keys(id) on delete set null,
  foreign key (user_id) references users(id) on delete cascade,
  check (cardinality(scopes) >= 1),
  check (length(key_hash) = 32),
  check (length(name) >= 1 and length(name) <= 100),
  check (length(prefix) = 16)
);
create index api_keys_by_maker on api_keys (made_by) where made_by is not null;
create index api_keys_by_origin on api_keys (rotated_from) where rotated_from is not null;
create index api_keys_by_user on api_keys (user_id);
alter table api_keys enable row level security;

create table applied_migrations (
  name   text        not null,
  sha256 text        not null,
  at     timestamptz not null default now(),
  primary key (name)
);

create table audit_log (
  organization_id uuid        not null,
  id              uuid        not null,
  -- the id of the person who acted; the id of zeros: an operator. No foreign key, because entries outlive
  -- persons
  actor           uuid        not null,
  operation       text        not null,
  item_id         uuid,
  details         jsonb       not null default '{}',
  at              timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id) references organizations(id) on delete cascade
);
create index audit_log_newest on audit_log (organization_id, at desc, id);
alter table audit_log enable row level security;
create policy every_tenant on audit_log to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on audit_log to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select on audit_log to vitrine_app;
grant insert, select on audit_log to vitrine_worker;

create table captions (
  organization_id uuid        not null,
  id              uuid        not null,
  frame_id        uuid        not null,
  text            text        not null,
  model           text,
  created_at      timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, frame_id) references frames(organization_id, id) on delete cascade
);
create index captions_of_frame on captions (organization_id, frame_id, created_at);
alter table captions enable row level security;
create policy every_tenant on captions to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on captions to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on captions to vitrine_app;
grant delete, insert, select, update on captions to vitrine_worker;

create table clusters (
  organization_id uuid        not null,
  id              uuid        not null,
  type            text        not null,
  label           text,
  created_at      timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (type in ('object', 'face', 'text', 'frame'))
);
alter table clusters enable row level security;
create policy every_tenant on clusters to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on clusters to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on clusters to vitrine_app;
grant delete, insert, select, update on clusters to vitrine_worker;

-- count_ledger folded per collection, at any depth
create table collection_counts (
  organization_id uuid   not null,
  collection_id   uuid   not null,
  type            text   not null,
  items           bigint not null,
  primary key (organization_id, collection_id, type),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (type in ('image', 'video', 'pdf', 'folder'))
);
alter table collection_counts enable row level security;
create policy every_tenant on collection_counts to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on collection_counts to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on collection_counts to vitrine_app;
grant insert, select, update on collection_counts to vitrine_worker;

-- the Studio API calls it a dataset
create table collections (
  organization_id uuid        not null,
  id              uuid        not null,
  name            text        not null,
  icon            text,
  type            text        not null default 'dataset',
  -- the v1 API, and an upload that names no collection, put files here
  is_default      boolean     not null default false,
  status          text        not null default 'active',
  deletion_id     uuid,
  -- raised by each change of the row; part of its ETag
  row_version     bigint      not null default 1,
  created_at      timestamptz not null default now(),
  created_by      uuid        not null,
  updated_at      timestamptz not null default now(),
  updated_by      uuid,
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  foreign key (organization_id, deletion_id) references deletions(organization_id, id),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (not (is_default and status = 'deleted')),
  check (length(icon) <= 255),
  check (length(name) >= 1 and length(name) <= 255),
  check (length(type) >= 1 and length(type) <= 50),
  check (status in ('active', 'deleted'))
);
create index collections_listed on collections (organization_id, created_at, id) where status = 'active';
create index collections_of_deletion on collections (organization_id, deletion_id) where deletion_id is not
  null;
create unique index collections_one_default on collections (organization_id) where is_default;
alter table collections enable row level security;
create policy every_tenant on collections to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on collections to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on collections to vitrine_app;
grant delete, insert, select, update on collections to vitrine_worker;

-- changes of the number of active, verified items directly in a place (a folder, or a collection's root)
create table count_ledger (
  organization_id uuid    not null,
  id              bigint  not null generated always as identity,
  collection_id   uuid    not null,
  place_id        uuid    not null,
  type            text    not null,
  delta           integer not null,
  folded          boolean not null default false,
  primary key (id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (type in ('image', 'video', 'pdf', 'folder'))
);
create index count_ledger_to_fold on count_ledger (id) where not folded;
create index count_ledger_unfolded on count_ledger (organization_id, place_id, type) include (collection_id,
  delta) where not folded;
alter table count_ledger enable row level security;
create policy every_tenant on count_ledger to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on count_ledger to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select on count_ledger to vitrine_app;
grant delete, insert, select, update (folded) on count_ledger to vitrine_worker;

-- the folded part of count_ledger: direct children only
create table counts (
  organization_id uuid   not null,
  collection_id   uuid   not null,
  place_id        uuid   not null,
  type            text   not null,
  items           bigint not null,
  primary key (organization_id, place_id, type),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (type in ('image', 'video', 'pdf', 'folder'))
);
alter table counts enable row level security;
create policy every_tenant on counts to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on counts to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on counts to vitrine_app;
grant insert, select, update on counts to vitrine_worker;

-- the items named by a deletion of kind selection, deletions.root_id among them, without their descendants;
-- kept after the purge, as deletions is
create table deletion_roots (
  organization_id uuid not null,
  deletion_id     uuid not null,
  root_id         uuid not null,
  primary key (organization_id, deletion_id, root_id),
  foreign key (organization_id, deletion_id) references deletions(organization_id, id) on delete cascade
);
create index deletion_roots_by_root on deletion_roots (root_id);
alter table deletion_roots enable row level security;
create policy every_tenant on deletion_roots to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on deletion_roots to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select on deletion_roots to vitrine_app;
grant select on deletion_roots to vitrine_worker;

-- one row per deletion request; kept after the purge, so that a restore can answer 410
create table deletions (
  organization_id uuid        not null,
  id              uuid        not null,
  kind            text        not null,
  root_id         uuid        not null,
  actor           uuid        not null,
  at              timestamptz not null default now(),
  -- null: never
  purge_at        timestamptz,
  state           text        not null default 'trash',
  -- files and versions
  item_count      integer     not null,
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (item_count >= 0),
  check (kind in ('media', 'folder', 'version', 'collection', 'selection')),
  check (state in ('trash', 'restored', 'purging', 'purged'))
);
create index deletions_by_root on deletions (root_id);
create index deletions_in_trash on deletions (organization_id, at desc, id) where state = 'trash';
create index deletions_to_purge on deletions (purge_at) where state in ('trash', 'purging');
alter table deletions enable row level security;
create policy every_tenant on deletions to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on deletions to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select, update on deletions to vitrine_app;
grant insert, select, update on deletions to vitrine_worker;

create table detections (
  organization_id uuid        not null,
  id              uuid        not null,
  frame_id        uuid        not null,
  cluster_id      uuid,
  type            text        not null,
  label           text        not null,
  -- corners [{x, y}] in pixels of the frame
  polygon         jsonb       not null default '[]',
  score           real        not null,
  crop_key        text,
  model           text,
  created_at      timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, cluster_id) references clusters(organization_id, id),
  foreign key (organization_id, frame_id) references frames(organization_id, id) on delete cascade,
  check (jsonb_typeof(polygon) = 'array'),
  check (length(type) >= 1 and length(type) <= 50),
  check (score >= 0::double precision and score <= 1::double precision)
);
create index detections_of_cluster on detections (organization_id, cluster_id) where cluster_id is not null;
create index detections_of_frame on detections (organization_id, frame_id, created_at);
alter table detections enable row level security;
create policy every_tenant on detections to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on detections to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on detections to vitrine_app;
grant delete, insert, select, update on detections to vitrine_worker;

-- a sign-in at a device without a browser (RFC 8628)
create table device_codes (
  id               uuid        not null,
  device_code_hash bytea       not null,
  -- the code that a person types, without dashes; useless without a session of that person
  user_code        text        not null,
  client_id        text        not null,
  scope            text        not null default '',
  status           text        not null default 'pending',
  user_id          uuid,
  -- the session that approved the sign-in: a code that is not redeemed ends with it. Null: not approved
  session_id       uuid,
  interval_seconds integer     not null default 5,
  -- the last poll that was not too early; null: none yet
  polled_at        timestamptz,
  created_at       timestamptz not null default now(),
  expires_at       timestamptz not null,
  primary key (id),
  unique (device_code_hash),
  unique (user_code),
  foreign key (session_id) references sessions(id) on delete cascade,
  foreign key (user_id) references users(id) on delete cascade,
  check (length(device_code_hash) = 32),
  check (status in ('pending', 'approved', 'denied'))
);
create index device_codes_by_expiry on device_codes (expires_at);
create index device_codes_by_person on device_codes (user_id) where user_id is not null;
create index device_codes_by_session on device_codes (session_id) where session_id is not null;
alter table device_codes enable row level security;

-- one partial expression HNSW index per model; the migration that adds a model creates it
create table embeddings (
  organization_id uuid        not null,
  id              uuid        not null,
  media_id        uuid        not null,
  version_id      uuid        not null,
  frame_id        uuid        not null,
  detection_id    uuid,
  model           text        not null,
  generation      integer     not null,
  embedding       vector      not null,
  created_at      timestamptz not null default now(),
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id, detection_id) references detections(organization_id, id) on delete cascade,
  foreign key (organization_id, frame_id) references frames(organization_id, id) on delete cascade,
  foreign key (organization_id, media_id, version_id) references versions(organization_id, media_id, id) on
    delete cascade
);
create index embeddings_of_detection on embeddings (organization_id, detection_id) where detection_id is not
  null;
create index embeddings_of_frame on embeddings (organization_id, frame_id);
create index embeddings_of_version on embeddings (organization_id, version_id);
create unique index embeddings_one_each on embeddings (organization_id, model, frame_id, detection_id) nulls
  not distinct;
alter table embeddings enable row level security;
create policy every_tenant on embeddings to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on embeddings to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on embeddings to vitrine_app;
grant delete, insert, select, update on embeddings to vitrine_worker;

-- one row for each folder, deleted or not, and for nothing else. A move writes these rows anew, which are
-- small and in two indexes; rows of media are wide and in many
create table folder_paths (
  organization_id uuid  not null,
  folder_id       uuid  not null,
  -- collection.folder...this; a file's path is composed when shown, so a move changes folders alone
  path            ltree not null,
  primary key (folder_id),
  foreign key (organization_id, folder_id) references media(organization_id, id) on delete cascade,
  check (nlevel(path) >= 2 and nlevel(path) <= 33)
);
create index folder_paths_by_path on folder_paths (path);
alter table folder_paths enable row level security;
create policy every_tenant on folder_paths to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on folder_paths to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select, update on folder_paths to vitrine_app;
grant insert, select, update on folder_paths to vitrine_worker;

-- pictures of a version: one for a still, several for a video; reprocessing keeps the id of each (version,
-- ordinal)
create table frames (
  organization_id  uuid             not null,
  id               uuid             not null,
  version_id       uuid             not null,
  ordinal          integer          not null,
  generation       integer          not null,
  key              text             not null,
  mime_type        text             not null,
  width            integer          not null,
  height           integer          not null,
  thumbnail_key    text             not null,
  thumbnail_width  integer          not null,
  thumbnail_height integer          not null,
  -- seconds from the start; 0 for stills
  at_seconds       double precision not null default 0,
  end_seconds      double precision,
  page_number      integer,
  text             text,
  metadata         jsonb,
  created_at       timestamptz      not null default now(),
  primary key (id),
  unique (organization_id, id),
  unique (organization_id, version_id, ordinal),
  foreign key (organization_id, version_id) references versions(organization_id, id) on delete cascade,
  check (at_seconds >= 0::double precision),
  check (end_seconds >= at_seconds),
  check (generation >= 1),
  check (height > 0),
  check (ordinal >= 0),
  check (page_number >= 1),
  check (thumbnail_height > 0),
  check (thumbnail_width > 0),
  check (width > 0)
);
alter table frames enable row level security;
create policy every_tenant on frames to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on frames to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on frames to vitrine_app;
grant delete, insert, select, update on frames to vitrine_worker;

create table idempotency_keys (
  user_id         uuid        not null,
  -- null: a request outside every organization
  organization_id uuid,
  route           text        not null,
  key             text        not null,
  request_hash    bytea       not null,
  -- while the answer is null: how long the request that claimed the key has it to itself
  locked_until    timestamptz not null,
  -- null until the request has finished; a request that failed frees its key
  answer          jsonb,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  unique nulls not distinct (user_id, organization_id, route, key),
  foreign key (organization_id) references organizations(id) on delete cascade,
  foreign key (user_id) references users(id) on delete cascade,
  check (length(key) >= 1 and length(key) <= 255),
  check (length(request_hash) = 32)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
alter table idempotency_keys enable row level security;
create policy every_request on idempotency_keys to vitrine_worker
  using (true)
  with check (true);
grant delete, select on idempotency_keys to vitrine_worker;

-- who may join an organization by showing a token; a new invitation of an address replaces its pending one
create table invitations (
  organization_id uuid        not null,
  id              uuid        not null,
  email           text        collate "C" not null,
  role            text        not null,
  -- SHA-256 of the token; the token itself is never stored
  token_hash      bytea       not null,
  -- an expired invitation stays pending: compare expires_at
  status          text        not null default 'pending',
  invited_by      uuid        not null,
  accepted_by     uuid,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  primary key (id),
  unique (organization_id, id),
  unique (token_hash),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check ((status = 'accepted') = (accepted_by is not null)),
  check (email = lower(email collate "C")),
  check (length(email) <= 320),
  check (length(token_hash) = 32),
  check (role in ('owner', 'admin', 'editor', 'member', 'viewer')),
  check (status in ('pending', 'accepted', 'canceled'))
);
create index invitations_by_inviter on invitations (organization_id, invited_by) where status = 'pending';
create index invitations_newest on invitations (organization_id, created_at desc, id desc);
create unique index invitations_one_pending on invitations (organization_id, email) where status = 'pending';
alter table invitations enable row level security;
create policy every_tenant on invitations to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on invitations to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on invitations to vitrine_app;
grant select on invitations to vitrine_worker;

-- one row per run of a scheduled job; an unfinished one has the job's lease
create table job_runs (
  id          uuid        not null,
  job         text        not null,
  dry_run     boolean     not null default false,
  cursor      jsonb,
  report      jsonb       not null default '{}',
  lease_until timestamptz not null,
  started_at  timestamptz not null default now(),
  finished_at timestamptz,
  primary key (id)
);
create index job_runs_newest on job_runs (job, started_at desc);
create unique index job_runs_one_at_a_time on job_runs (job) where finished_at is null and not dry_run;
alter table job_runs enable row level security;
create policy every_run on job_runs to vitrine_worker
  using (true)
  with check (true);
grant delete, insert, select, update on job_runs to vitrine_worker;

-- two versions of different items of a collection that look the same, deleted or not; for each version,
-- when it is processed, the nearest ones only
create table likenesses (
  organization_id  uuid     not null,
  version_id       uuid     not null,
  -- the version whose upload began first: ids are ordered by time
  earlier_id       uuid     not null,
  collection_id    uuid     not null,
  media_id         uuid     not null,
  earlier_media_id uuid     not null,
  -- bits that differ
  distance         smallint not null,
  primary key (organization_id, version_id, earlier_id),
  foreign key (organization_id, earlier_id) references perceptual_hashes(organization_id, version_id) on
    delete cascade,
  foreign key (organization_id, version_id) references perceptual_hashes(organization_id, version_id) on
    delete cascade,
  check (distance >= 0 and distance <= 16),
  check (earlier_id <> version_id)
);
create index likenesses_in_order on likenesses (organization_id, collection_id, earlier_id) include
  (earlier_media_id, distance);
create index likenesses_of_earlier on likenesses (organization_id, earlier_id, version_id);
alter table likenesses enable row level security;
create policy every_tenant on likenesses to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on likenesses to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select on likenesses to vitrine_app;
grant select on likenesses to vitrine_worker;

-- files and folders as a person sees and places them
create table media (
  organization_id   uuid             not null,
  id                uuid             not null,
  collection_id     uuid             not null,
  parent_id         uuid,
  -- the folder that contains the item, or the collection for an item at its root
  place_id          uuid             not null generated always as (coalesce(parent_id, collection_id)) stored,
  type              text             not null,
  -- deleted: in the trash or being purged, by the deletion deletion_id
  status            text             not null default 'active',
  deletion_id       uuid,
  -- raised by each change of the row; part of its ETag
  row_version       bigint           not null default 1,
  name              text             not null,
  title             text,
  alt               text,
  caption           text,
  metadata          jsonb            not null default '{}',
  -- the secret part of the item's permanent link; stored as text, because each answer shows the link
  link_token        text             not null,
  -- the number of the next version; never reused
  next_version      integer          not null default 2,
  -- somebody selected the active version: newer ones do not take its place
  version_selected  boolean          not null default false,
  active_version_id uuid,
  filename          text,
  mime_type         text,
  -- of the active version as shown
  size_bytes        bigint           not null default 0,
  width             integer,
  height            integer,
  -- seconds; null for stills
  duration          double precision,
  sha256            bytea,
  -- ThumbHash
  placeholder       bytea,
  taken_at          timestamptz,
  -- the offset of the camera's clock from UTC, such as +02:00; null: unknown, and taken_at is the clock's
  -- time as if it were UTC
  taken_zone        text,
  -- of the active version: pending until its frames exist, then ready; failed: processing_reason says why.
  -- Null: a folder
  processing        text,
  processing_reason text,
  -- status, categories, moderatedAt; the permanent link of an item with the status blocked answers 404. Null:
  -- unchecked
  moderation        jsonb,
  -- the first caption, for sorting
  description       text,
  -- when the bytes were first checked against their type; null: Studio lists the item as pending, v1 does
  -- not, and no count includes it
  verified_at       timestamptz,
  created_at        timestamptz      not null default now(),
  created_by        uuid             not null,
  updated_at        timestamptz      not null default now(),
  updated_by        uuid,
  primary key (id),
  unique (organization_id, collection_id, id),
  unique (organization_id, id),
  foreign key (organization_id, collection_id) references collections(organization_id, id),
  foreign key (organization_id, collection_id, parent_id) references media(organization_id, collection_id,
    id),
  foreign key (organization_id, deletion_id) references deletions(organization_id, id),
  foreign key (organization_id, id, active_version_id) references versions(organization_id, media_id, id)
    deferrable initially deferred,
  check ((status = 'deleted') = (deletion_id is not null)),
  check ((type = 'folder') = (active_version_id is null)),
  check ((type = 'folder') = (processing is null)),
  check (duration >= 0::double precision),
  check (height > 0),
  check (jsonb_typeof(metadata) = 'object'),
  check (length(alt) <= 500),
  check (length(caption) <= 1000),
  check (length(link_token) >= 22),
  check (length(name) >= 1 and length(name) <= 255),
  check (length(sha256) = 32),
  check (length(title) <= 255),
  check (parent_id <> id),
  check (processing in ('pending', 'ready', 'failed')),
  check (size_bytes >= 0),
  check (status in ('active', 'deleted')),
  check (type in ('image', 'video', 'pdf', 'folder')),
  check (width > 0)
);
create index media_by_name on media (organization_id, place_id, name collate "C", id) where status = 'active';
create index media_copies on media (organization_id, collection_id, sha256, active_version_id) where sha256 is
  not null and status = 'active' and verified_at is not null;
create index media_failed on media (organization_id, collection_id, id) where status = 'active' and processing
  = 'failed';
create index media_files_by_filename on media (organization_id, filename collate "C", id) include (type) where
  status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_size on media (organization_id, size_bytes, id) include (type) where status =
  'active' and type <> 'folder' and verified_at is not null;
create index media_files_newest on media (organization_id, created_at desc, id desc) include (type) where
  status = 'active' and type <> 'folder' and verified_at is not null;
create index media_in_place on media (organization_id, collection_id, parent_id);
create index media_newest on media (organization_id, place_id, created_at desc, id desc) where status =
  'active';
create index media_of_deletion on media (organization_id, deletion_id) where deletion_id is not null;
create index media_previews on media (organization_id, place_id, created_at desc, id desc) where status =
  'active' and processing = 'ready' and (type in ('image', 'video'));
create index media_same_bytes on media (organization_id, sha256, created_at desc, id desc) where sha256 is not
  null and status = 'active' and type <> 'folder' and verified_at is not null;
create index media_same_file on media (organization_id, filename collate "C", size_bytes, created_at desc, id
  desc) where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_searched on media using gin (search_keys(organization_id, title, filename, alt, caption))
  with (fastupdate=off) where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_unverified on media (organization_id, place_id) where status = 'active' and verified_at is
  null;
alter table media enable row level security;
create policy every_tenant on media to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on media to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on media to vitrine_app;
grant delete, insert, select, update on media to vitrine_worker;

create table media_tags (
  organization_id uuid        not null,
  -- a copy of the item's collection, which never changes: one index lists the tags of a collection, however
  -- many items of other collections have them. A trigger sets it
  collection_id   uuid        not null,
  media_id        uuid        not null,
  tag_id          uuid        not null,
  created_at      timestamptz not null default now(),
  created_by      uuid,
  primary key (organization_id, media_id, tag_id),
  foreign key (organization_id, collection_id, media_id) references media(organization_id, collection_id, id)
    on delete cascade,
  foreign key (organization_id, tag_id) references tags(organization_id, id) on delete cascade
);
create index media_tags_of_collection on media_tags (organization_id, collection_id, tag_id, media_id);
create index media_tags_of_tag on media_tags (organization_id, tag_id, media_id);
create trigger set_media_tag_collection before insert on media_tags for each row execute function
  set_media_tag_collection();
alter table media_tags enable row level security;
create policy every_tenant on media_tags to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on media_tags to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on media_tags to vitrine_app;
grant delete, insert, select, update on media_tags to vitrine_worker;

create table memberships (
  organization_id uuid        not null,
  user_id         uuid        not null,
  role            text        not null,
  joined_at       timestamptz not null default now(),
  invited_by      uuid,
  primary key (organization_id, user_id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  foreign key (user_id) references users(id) on delete cascade,
  check (role in ('owner', 'admin', 'editor', 'member', 'viewer'))
);
create index memberships_by_user on memberships (user_id, joined_at, organization_id);
alter table memberships enable row level security;
create policy every_tenant on memberships to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on memberships to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on memberships to vitrine_app;
grant select on memberships to vitrine_worker;

-- the registry of the store's objects, written before each put, copy or presign; no foreign key to an
-- owner, because an object that is being deleted may outlive it
create table objects (
  organization_id uuid        not null,
  key             text        not null,
  kind            text        not null,
  upload_id       uuid,
  version_id      uuid        not null,
  generation      integer,
  -- 0 until live
  bytes           bigint      not null default 0,
  etag            text,
  state           text        not null default 'planned',
  -- of a derived object: until when a signed URL may read it; it stays in the store until then. Of any other:
  -- until when a client may still write this key (a POST policy); the row is kept at least as long
  keep_until      timestamptz,
  -- why it was marked for deletion
  reason          text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  primary key (key),
  unique (organization_id, key),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check ((kind = 'derived') = (generation is not null)),
  check (bytes >= 0),
  check (kind in ('incoming', 'original', 'derived')),
  check (length(key) <= 1024),
  check (state <> 'live' or etag is not null),
  check (state in ('planned', 'live', 'deleting'))
);
create index objects_of_purge on objects (organization_id, reason, key) where state = 'deleting';
create index objects_of_version on objects (organization_id, version_id);
create index objects_retired on objects (key) where state = 'live' and kind = 'derived' and keep_until is not
  null;
create index objects_unfinished on objects (state, updated_at, key) where state in ('planned', 'deleting');
alter table objects enable row level security;
create policy every_tenant on objects to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on objects to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on objects to vitrine_app;
grant delete, insert, select, update on objects to vitrine_worker;

-- a tenant; the v1 API calls it a team
create table organizations (
  id          uuid        not null,
  name        text        not null,
  slug        text        not null,
  -- limits the bytes that are active or in the trash plus those that open uploads reserve; null: no limit
  quota_bytes bigint,
  settings    jsonb       not null default '{}',
  deleted_at  timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (id),
  unique (slug),
  check (length(name) >= 1 and length(name) <= 100),
  check (quota_bytes >= 0),
  check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);
alter table organizations enable row level security;
create policy every_tenant on organizations to vitrine_worker
  using (true);
create policy one_tenant on organizations to vitrine_app
  using ((id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on organizations to vitrine_app;
grant select on organizations to vitrine_worker;

-- messages written by the transaction that causes them; sent right after its commit, or by a job
create table outbox (
  organization_id uuid        not null,
  id              uuid        not null,
  queue           text        not null,
  body            jsonb       not null,
  event_key       text        not null,
  created_at      timestamptz not null default now(),
  sent_at         timestamptz,
  primary key (id),
  unique (organization_id, event_key),
  foreign key (organization_id) references organizations(id) on delete cascade
);
create index outbox_unsent on outbox (created_at, id) where sent_at is null;
alter table outbox enable row level security;
create policy every_tenant on outbox to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on outbox to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on outbox to vitrine_app;
grant delete, insert, select, update on outbox to vitrine_worker;

-- the hash of each version beside its collection: rows are narrow and never updated, so that a new one is
-- compared with all others of its collection in one statement
create table perceptual_hashes (
  organization_id uuid   not null,
  version_id      uuid   not null,
  media_id        uuid   not null,
  -- its item's collection, which never changes
  collection_id   uuid   not null,
  type            text   not null,
  -- versions.sha256; two versions of the same bytes are no likeness
  sha256          bytea,
  -- versions.phash; the distance of two is the number of bits that differ
  hash            bigint not null,
  primary key (organization_id, version_id),
  foreign key (organization_id, version_id) references versions(organization_id, id) on delete cascade,
  check (length(sha256) = 32),
  check (type in ('image', 'video', 'pdf'))
);
create index perceptual_hashes_compared on perceptual_hashes (organization_id, collection_id, type) include
  (hash, version_id, media_id, sha256);
alter table perceptual_hashes enable row level security;
create policy every_tenant on perceptual_hashes to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on perceptual_hashes to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select on perceptual_hashes to vitrine_app;
grant select on perceptual_hashes to vitrine_worker;

-- requests per identity, tier and window; unlogged: a crash may lose them
create unlogged table rate_limits (
  bucket       text        not null,
  window_start timestamptz not null,
  hits         integer     not null default 0,
  primary key (bucket, window_start)
);
create index rate_limits_by_window on rate_limits (window_start);
alter table rate_limits enable row level security;

create table sessions (
  id                     uuid        not null,
  -- SHA-256 of the token; the token itself is never stored
  token_hash             bytea       not null,
  user_id                uuid        not null,
  active_organization_id uuid,
  ip_address             text,
  user_agent             text,
  created_at             timestamptz not null default now(),
  expires_at             timestamptz not null,
  -- how long the session is valid after its last use; expires_at is moved at most once a day
  life_seconds           integer     not null default 604800,
  primary key (id),
  unique (token_hash),
  foreign key (active_organization_id) references organizations(id) on delete set null,
  foreign key (user_id) references users(id) on delete cascade,
  check (length(token_hash) = 32),
  check (life_seconds > 0)
);
create index sessions_by_expiry on sessions (expires_at);
create index sessions_by_user on sessions (user_id);
alter table sessions enable row level security;

-- append-only: each change of the bytes of live objects, and its reason
create table storage_ledger (
  organization_id uuid        not null,
  id              bigint      not null generated always as identity,
  media_id        uuid        not null,
  version_id      uuid        not null,
  delta_bytes     bigint      not null,
  -- the change of the number of originals; 0 for derived objects
  delta_count     integer     not null,
  kind            text        not null,
  state           text        not null,
  reason          text        not null,
  -- names the event; the unique key makes its repetition idempotent
  event_key       text        not null,
  folded          boolean     not null default false,
  at              timestamptz not null default now(),
  primary key (id),
  unique (organization_id, event_key),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (kind = 'original' or delta_count = 0),
  check (kind in ('original', 'derived')),
  check (state in ('active', 'trash'))
);
create index storage_ledger_of_version on storage_ledger (organization_id, version_id);
create index storage_ledger_unfolded on storage_ledger (organization_id, id) where not folded;
alter table storage_ledger enable row level security;
create policy every_tenant on storage_ledger to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on storage_ledger to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant insert, select on storage_ledger to vitrine_app;
grant insert, select, update (folded) on storage_ledger to vitrine_worker;

-- the folded part of storage_ledger
create table storage_usage (
  organization_id uuid        not null,
  kind            text        not null,
  state           text        not null,
  bytes           bigint      not null,
  -- the number of originals; 0 for derived objects
  items           bigint      not null,
  folded_at       timestamptz not null default now(),
  primary key (organization_id, kind, state),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check (kind in ('original', 'derived')),
  check (state in ('active', 'trash'))
);
alter table storage_usage enable row level security;
create policy every_tenant on storage_usage to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on storage_usage to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant select on storage_usage to vitrine_app;
grant insert, select, update on storage_usage to vitrine_worker;

-- the one store of tags: Studio shows all groups, v1 the group `tags`, the only one with slugs
create table tags (
  organization_id uuid        not null,
  id              uuid        not null,
  group           text        not null,
  name            text        not null,
  -- names of v1's tags are compared by it: NFC, case folded, each run of white space, - and _ one space. The
  -- code makes it, because the database has no such case folding. Null in an older row with a name beyond
  -- printable ASCII, which is compared by its name
  name_key        text,
  slug            text,
  description     text,
  icon            text,
  color           text,
  order           integer     not null default 0,
  is_active       boolean     not null default true,
  created_at      timestamptz not null default now(),
  created_by      uuid,
  updated_at      timestamptz not null default now(),
  primary key (id),
  unique (organization_id, "group", name),
  unique (organization_id, id),
  unique (organization_id, slug),
  foreign key (organization_id) references organizations(id) on delete cascade,
  check ((slug is not null) = ("group" = 'tags')),
  check (length("group") >= 1 and length("group") <= 255),
  check (length(name) >= 1 and length(name) <= 255),
  check (name_key is null or "group" = 'tags'),
  check (slug ~ '^[a-z0-9-]+$' and length(slug) >= 2 and length(slug) <= 100)
);
create index tags_by_name_key on tags (organization_id, name_key) where "group" = 'tags';
alter table tags enable row level security;
create policy every_tenant on tags to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on tags to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on tags to vitrine_app;
grant delete, insert, select, update on tags to vitrine_worker;

-- one row per upload: its state machine; clients get version_id as mediaId
create table uploads (
  organization_id uuid        not null,
  id              uuid        not null,
  user_id         uuid        not null,
  -- the API key that its uploader used last to create, sign or complete it; null: a session. No foreign key:
  -- a check of one would bypass the policies
  key_id          uuid,
  collection_id   uuid        not null,
  parent_id       uuid,
  source_media_id uuid,
  media_id        uuid        not null,
  version_id      uuid        not null,
  method          text        not null,
  state           text        not null default 'created',
  reason          text,
  -- where the bytes arrive: originals/... for multipart, incoming/... for a presigned POST
  key             text        not null,
  -- the store's id of the multipart upload; never shown
  store_upload_id text,
  name            text        not null,
  filename        text        not null,
  mime_type       text        not null,
  title           text,
  alt             text,
  caption         text,
  declared_bytes  bigint,
  -- the most bytes this upload may store: they count against the quota while the upload is open and
  -- expires_at, or a lease, lies ahead
  reserved_bytes  bigint      not null,
  -- the bytes that the store last reported for it
  landed_bytes    bigint      not null default 0,
  checksum_kind   text,
  -- base64, of the whole object, as the client declared it
  checksum_value  text,
  part_bytes      bigint,
  -- how many URLs of parts were signed; a part that was signed again counts again
  signed_parts    integer     not null default 0,
  -- while completing: how long the completing call has the upload to itself
  lease_until     timestamptz,
  -- the call that completes or fetches the upload until lease_until; null: none
  lease_id        uuid,
  -- how often the message of a lost event was sent again
  resent          integer     not null default 0,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  -- of parts and imports: when the session ends. Of a presigned form: when its policy has expired and its
  -- bytes must have been seen. Of a form sent to the API: when its request must be over
  expires_at      timestamptz not null,
  -- the latest time that expires_at may have: six days after creation, because the store aborts a multipart
  -- upload after seven
  deadline        timestamptz not null,
  primary key (id),
  unique (key),
  unique (organization_id, id),
  unique (version_id),
  foreign key (organization_id) references organizations(id) on delete cascade,
  foreign key (organization_id, collection_id) references collections(organization_id, id),
  foreign key (organization_id, collection_id, parent_id) references media(organization_id, collection_id, id)
    on delete set null (parent_id),
  foreign key (organization_id, source_media_id) references media(organization_id, id) on delete set null
    (source_media_id),
  check ((checksum_kind is null) = (checksum_value is null)),
  check ((state in ('rejected', 'failed')) <= (reason is not null)),
  check (checksum_kind in ('CRC64NVME', 'CRC32C', 'SHA256')),
  check (declared_bytes > 0),
  check (key <> ''),
  check (landed_bytes >= 0),
  check (length(alt) <= 500),
  check (length(caption) <= 1000),
  check (length(filename) >= 1 and length(filename) <= 255),
  check (length(name) >= 1 and length(name) <= 255),
  check (length(title) <= 255),
  check (method in ('post', 'multipart', 'form', 'import')),
  check (part_bytes > 0),
  check (reserved_bytes >= 0),
  check (state in ('created', 'uploading', 'completing', 'stored', 'processing', 'ready', 'rejected',
    'failed', 'aborted', 'expired'))
);
create index uploads_in_collection on uploads (organization_id, collection_id) where state in ('created',
  'uploading', 'completing');
create index uploads_in_folder on uploads (organization_id, collection_id, parent_id) where parent_id is not
  null;
create index uploads_in_store on uploads (store_upload_id) where state in ('created', 'uploading',
  'completing');
create index uploads_lapsing on uploads (expires_at, id) where state in ('created', 'uploading',
  'completing');
create index uploads_of_collection on uploads (organization_id, collection_id);
create index uploads_of_source on uploads (organization_id, source_media_id) where source_media_id is not
  null;
create index uploads_open on uploads (organization_id) include (reserved_bytes, expires_at, lease_until) where
  state in ('created', 'uploading', 'completing');
create index uploads_working on uploads (updated_at, id) where state in ('stored', 'processing');
alter table uploads enable row level security;
create policy every_tenant on uploads to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on uploads to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on uploads to vitrine_app;
grant delete, insert, select, update on uploads to vitrine_worker;

create table users (
  id             uuid        not null,
  -- in Unicode form NFC with the letters a to z in lower case, compared byte by byte: a folding by the
  -- database's locale could not be repeated by the code
  email          text        collate "C" not null,
  email_verified boolean     not null default false,
  name           text        not null,
  image          text,
  -- argon2id in PHC form; null where the person has no password
  password_hash  text,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  primary key (id),
  unique (email),
  check (email = lower(email collate "C")),
  check (length(email) <= 320),
  check (length(name) >= 1 and length(name) <= 255)
);
alter table users enable row level security;

-- the bytes of a file; the first version has its item's own id
create table versions (
  organization_id        uuid             not null,
  id                     uuid             not null,
  media_id               uuid             not null,
  number                 integer          not null,
  -- the type of its bytes; an item has the type of its active version
  type                   text             not null default 'image',
  status                 text             not null default 'active',
  deletion_id            uuid,
  upload_id              uuid,
  -- of this version alone: the link of the item leads to the active version only
  link_token             text             not null default encode(gen_random_bytes(16), 'hex'),
  key                    text,
  external_url           text,
  filename               text             not null,
  mime_type              text             not null,
  -- as shown: for an external URL the declared size, while stored_bytes is 0
  size_bytes             bigint           not null,
  stored_bytes           bigint           not null,
  -- of the whole object, as the store reports it: ALGORITHM:base64
  checksum               text,
  sha256                 bytea,
  -- perceptual hash; compared by Hamming distance
  phash                  bit(64),
  width                  integer,
  height                 integer,
  duration               double precision,
  placeholder            bytea,
  -- dominant colours, #rrggbb, the most common first
  colors                 text[]           not null default '{}'[],
  -- of a video, by FFmpeg's name
  codec                  text,
  -- frames per second, of a video
  frame_rate             double precision,
  -- fields of camera and lens; the location only where the setting allows it
  exif                   jsonb,
  taken_at               timestamptz,
  taken_zone             text,
  moderation             jsonb,
  processing             text             not null default 'pending',
  processing_reason      text,
  -- the generation of derived objects that is shown; 0: none yet
  generation             integer          not null default 0,
  -- the highest generation of any attempt; each attempt writes under a generation of its own
  last_generation        integer          not null default 0,
  -- when new frames were requested; null: they are not
  reprocess_requested_at timestamptz,
  -- why reprocessing failed, in which case the earlier frames stay; null: it did not
  reprocess_failure      text,
  verified_at            timestamptz,
  created_at             timestamptz      not null default now(),
  created_by             uuid             not null,
  updated_at             timestamptz      not null default now(),
  primary key (id),
  unique (organization_id, id),
  unique (organization_id, media_id, id),
  unique (organization_id, media_id, number),
  unique (upload_id),
  foreign key (organization_id, deletion_id) references deletions(organization_id, id),
  foreign key (organization_id, media_id) references media(organization_id, id) on delete cascade,
  foreign key (organization_id, upload_id) references uploads(organization_id, id),
  check ((key is null) = (external_url is not null)),
  check ((processing = 'failed') = (processing_reason is not null)),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (cardinality(colors) <= 16),
  check (duration >= 0::double precision),
  check (external_url is null or stored_bytes = 0),
  check (frame_rate > 0::double precision),
  check (generation >= 0),
  check (height > 0),
  check (last_generation >= generation),
  check (length(codec) >= 1 and length(codec) <= 32),
  check (length(filename) >= 1 and length(filename) <= 255),
  check (length(link_token) >= 22),
  check (length(sha256) = 32),
  check (number >= 1),
  check (processing in ('pending', 'ready', 'failed')),
  check (reprocess_failure is null or processing = 'ready'),
  check (reprocess_requested_at is null or key is not null),
  check (reprocess_requested_at is null or processing <> 'failed'),
  check (size_bytes > 0),
  check (status in ('active', 'deleted')),
  check (stored_bytes >= 0),
  check (type in ('image', 'video', 'pdf')),
  check (width > 0)
);
create index versions_of_deletion on versions (organization_id, deletion_id) where deletion_id is not null;
create index versions_pending on versions (created_at) where processing = 'pending';
create index versions_same_bytes on versions (organization_id, sha256) where sha256 is not null;
create index versions_to_reprocess on versions (id) where reprocess_requested_at is not null;
alter table versions enable row level security;
create policy every_tenant on versions to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on versions to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on versions to vitrine_app;
grant delete, insert, select, update on versions to vitrine_worker;

create table webhooks (
  organization_id uuid        not null,
  id              uuid        not null,
  url             text        not null,
  secret          bytea       not null,
  events          text[]      not null,
  is_active       boolean     not null default true,
  created_at      timestamptz not null default now(),
  created_by      uuid        not null,
  primary key (id),
  unique (organization_id, id),
  foreign key (organization_id) references organizations(id) on delete cascade
);
alter table webhooks enable row level security;
create policy every_tenant on webhooks to vitrine_worker
  using (true)
  with check (true);
create policy one_tenant on webhooks to vitrine_app
  using ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])))
  with check ((organization_id = any (( select opened_organizations() as opened_organizations)::uuid[])));
grant delete, insert, select, update on webhooks to vitrine_app;
grant delete, insert, select, update on webhooks to vitrine_worker;

create type shown_api_key as (id uuid, name text, prefix text, scopes text[], state text, last_used_at
  timestamptz, expires_at timestamptz, revoked_at timestamptz, created_at timestamptz, updated_at
  timestamptz);

-- make the person of the invited address a member; a member keeps their role. joined | done (this person
-- accepted it before and is still a member) | other_person | absent (unknown, expired, canceled, replaced,
-- used by another, or its inviter may no longer assign its role)
create function accept_invitation(entry uuid, person uuid, token_hash bytea) returns table(outcome text,
  organization_id uuid, invitation_id uuid)
  volatile security definer;
grant execute on function accept_invitation to vitrine_app;

-- the person with this e-mail address and the hash of their password; no row: none
create function account_by_email(address text) returns table(id uuid, email text, name text, image text,
  email_verified boolean, created_at timestamptz, updated_at timestamptz, password_hash text)
  stable security definer;
grant execute on function account_by_email to vitrine_app;

create function account_by_id(person uuid) returns table(id uuid, email text, name text, image text,
  email_verified boolean, created_at timestamptz, updated_at timestamptz, password_hash text)
  stable security definer;
grant execute on function account_by_id to vitrine_app;

create function add_api_key(id uuid, person uuid, name text, prefix text, key_hash bytea, scopes text[],
  expires_at timestamptz) returns void
  volatile security definer;
grant execute on function add_api_key to vitrine_worker;

-- give a person this role in the organization, a member or not
create function add_member(organization uuid, person uuid, role text) returns void
  volatile security definer;
grant execute on function add_member to vitrine_worker;

-- make the person of this address a member: done | absent (no such person) | is_member | owners_only |
-- forbidden
create function add_member_by_email(entry uuid, organization uuid, actor uuid, address text, role text)
  returns table(outcome text, user_id uuid)
  volatile security definer;
grant execute on function add_member_by_email to vitrine_app;

-- insert a tenant with its first owner and its default collection
create function add_organization(id uuid, name text, slug text, owner uuid, collection uuid, collection_name
  text) returns void
  volatile security definer;
grant execute on function add_organization to vitrine_worker;

-- the id of the person with this e-mail address, inserted where there was none
create function add_person(id uuid, email text, name text) returns uuid
  volatile security definer;
grant execute on function add_person to vitrine_worker;

-- one key of this person; no row: it does not exist, or belongs to somebody else
create function api_key_of(person uuid, key uuid) returns setof shown_api_key
  stable security definer;
grant execute on function api_key_of to vitrine_app;

-- a person's keys: all active ones, then at most max_ended others; each group the newest first
create function api_keys_of(person uuid, max_ended integer) returns setof shown_api_key
  stable security definer;
grant execute on function api_keys_of to vitrine_app;

-- the person of the first valid credential (SHA-256), their organization and role in it, the state of the
-- route's item, and the number of requests: always one row. user_id null: no credential is valid, and the
-- request was counted for the address. organization_state member | stranger (no member) | absent | none;
-- item_state here | elsewhere (in another organization, or the person is no member of it) | absent | none.
-- The organization is that of the item where item_decides, else `organization`, else `preferred` where the
-- person belongs to it (preferred_is_own; null: none was given), else the session's active one where
-- session_decides, else the earliest membership. An active organization that the person no longer belongs
-- to is reset. window_seconds null: nothing is counted; else bucket is the counted one
create function authenticate(credentials bytea[], address text, organization uuid, item_kind text, item_id
  uuid, item_key text, item_decides boolean, session_decides boolean, tier text, counted_by text,
  window_seconds integer, preferred uuid default null::uuid) returns table(credential_number integer, user_id
  uuid, email text, user_name text, key_id uuid, session_id uuid, scopes text[], organization_state text,
  organization_id uuid, organization_name text, role text, item_state text, hits integer, resets_at
  timestamptz, bucket text, preferred_is_own boolean)
  volatile security definer;
grant execute on function authenticate to vitrine_app;

-- done, also where it was canceled before | absent | accepted (it is too late) | forbidden
create function cancel_invitation(entry uuid, organization uuid, actor uuid, invitation uuid) returns text
  volatile security definer;
grant execute on function cancel_invitation to vitrine_app;

-- cancel the pending invitations whose role their inviter may no longer assign
create function cancel_unauthorized_invitations(organization uuid, inviter uuid) returns void
  volatile security definer;

-- set all that may be changed of a key; one that is prolonged ends from then on with the key made_by, if
-- any. No row: it does not exist, or belongs to somebody else
create function change_api_key(person uuid, key uuid, name text, scopes text[], expires_at timestamptz,
  prolonged boolean, made_by uuid) returns setof shown_api_key
  volatile security definer;
grant execute on function change_api_key to vitrine_app;

-- done | absent | owners_only | last_owner | forbidden
create function change_member_role(entry uuid, organization uuid, actor uuid, person uuid, role text) returns
  text
  volatile security definer;
grant execute on function change_member_role to vitrine_app;

-- claim an idempotency key for this request: mine (process the request, then call finish_request) |
-- answered (with the stored answer) | running (a request with this key is in progress) | other (the key
-- belongs to a different request)
create function claim_request(person uuid, organization uuid, route text, key text, request_hash bytea,
  lease_seconds integer, keep_seconds integer) returns table(state text, claim timestamptz, answer jsonb)
  volatile security definer;
grant execute on function claim_request to vitrine_app;

-- count one request of this bucket in the present window; returns the hits so far and the start of the next
-- window
create function count_request(bucket text, window_seconds integer) returns table(hits integer, resets_at
  timestamptz)
  volatile security definer;
grant execute on function count_request to vitrine_app;

-- count one sign-in attempt in the bucket of its address and in that of the account. Attempts beyond the
-- address's limit do not count for the account, so that no single address can use it up; hits_account is
-- null then
create function count_sign_in(here text, account text, most_here integer, window_seconds integer) returns
  table(hits_here integer, hits_account integer, resets_at timestamptz)
  volatile security definer;
grant execute on function count_sign_in to vitrine_app;

-- create an organization with a default collection, owned by this person and active in their session: done
-- | slug_taken (all of them) | too_many (the person owns max_owned)
create function create_organization(entry uuid, person uuid, session uuid, organization uuid, name text, slugs
  text[], collection uuid, collection_name text, max_owned integer) returns table(outcome text, slug text,
  created_at timestamptz)
  volatile security definer;
grant execute on function create_organization to vitrine_app;

-- the session of the first valid token (SHA-256), prolonged as by any other request; no row: no token is
-- valid
create function current_session(token_hashes bytea[]) returns table(token_number integer, id uuid, user_id
  uuid, active_organization_id uuid, ip_address text, user_agent text, created_at timestamptz, expires_at
  timestamptz, life_seconds integer, email text, name text, image text, email_verified boolean,
  person_created_at timestamptz, person_updated_at timestamptz)
  volatile security definer;
grant execute on function current_session to vitrine_app;

-- record the person's decision (approved | denied) once, and return it; or the reason why nothing changed:
-- unknown | expired | decided | signed_out (the session has ended)
create function decide_device_code(user_code text, person uuid, session uuid, decision text) returns text
  volatile security definer;
grant execute on function decide_device_code to vitrine_app;

-- revoke the key, and the keys that it made, in so many seconds, never later than they would end anyway. No
-- row: it does not exist, or belongs to somebody else
create function end_api_key(person uuid, key uuid, seconds integer) returns setof shown_api_key
  volatile security definer;
grant execute on function end_api_key to vitrine_app;

-- the keys that this one made, directly or through others, end at that time at the latest: revoked, or
-- expired
create function end_made_keys(maker uuid, at timestamptz, revoked boolean) returns void
  volatile security definer;

-- end all sessions of this person but the one kept, and all device codes that they approved and that are
-- not redeemed; returns the number of sessions
create function end_other_sessions(person uuid, kept uuid) returns integer
  volatile security definer;
grant execute on function end_other_sessions to vitrine_app;

create function end_sessions(token_hashes bytea[]) returns integer
  volatile security definer;
grant execute on function end_sessions to vitrine_app;

create function expire_api_keys(at timestamptz, after uuid, max_rows integer, dry_run boolean) returns setof
  uuid
  volatile security definer;
grant execute on function expire_api_keys to vitrine_worker;

create function expire_device_codes(at timestamptz, after uuid, max_rows integer, dry_run boolean) returns
  setof uuid
  volatile security definer;
grant execute on function expire_device_codes to vitrine_worker;

create function expire_rate_limits(at timestamptz, max_rows integer, dry_run boolean) returns integer
  volatile security definer;
grant execute on function expire_rate_limits to vitrine_worker;

create function expire_sessions(at timestamptz, after uuid, max_rows integer, dry_run boolean) returns setof
  uuid
  volatile security definer;
grant execute on function expire_sessions to vitrine_worker;

-- the sign-in of a user code: pending | approved | denied | expired. No row: the code is unknown
create function find_device_code(user_code text) returns table(status text, client_id text, scope text)
  stable security definer;
grant execute on function find_device_code to vitrine_app;

-- store the answer for repetitions of the request; null frees the key. No effect where the claim was lost
create function finish_request(person uuid, organization uuid, route text, key text, claim timestamptz, answer
  jsonb) returns void
  volatile security definer;
grant execute on function finish_request to vitrine_app;

-- of a folder of the opened organization: the number of active, verified images and videos in it at any
-- depth, by the counts of the folders below it; and the thumbnails of the newest four, from the 100 nearest
-- folders that contain any, itself included. A null folder gives no row
create function folder_summary(folder uuid) returns table(items bigint, thumbnails text[])
  stable security definer;
grant execute on function folder_summary to vitrine_app, vitrine_worker;

create function has_one_owner(organization uuid) returns boolean
  stable security definer;

-- the person of this address may join by showing the token; a pending invitation of the address is replaced
-- and keeps its id. done | is_member | too_many (max_pending are pending) | owners_only | forbidden
create function invite_member(entry uuid, organization uuid, actor uuid, invitation uuid, address text, role
  text, token_hash bytea, life_seconds integer, max_pending integer) returns table(outcome text, invitation_id
  uuid)
  volatile security definer;
grant execute on function invite_member to vitrine_app;

-- the target of a permanent link: an item's link leads to its active version, a version's to that version.
-- No row: deleted, blocked, not yet verified, or no such link
create function link_target(media_id uuid, token text) returns table(organization_id uuid, name text, filename
  text, mime_type text, processing text, key text, external_url text, frame_key text, frame_mime_type text,
  thumbnail_key text)
  stable security definer;
grant execute on function link_target to vitrine_app;

-- lock the keys of this person until the transaction ends, against others who call it; returns how many are
-- active
create function lock_api_keys(person uuid) returns integer
  volatile security definer;
grant execute on function lock_api_keys to vitrine_app;

-- lock the row of an opened organization; true where the actor is then one of its owners or admins. Call it
-- in a statement of its own
create function lock_as_admin(organization uuid, actor uuid) returns boolean
  volatile security definer;

-- lock_organization for an organization that this transaction has opened; false for any other
create function lock_opened_organization(organization uuid) returns boolean
  volatile security definer;

-- lock the organization's row, and so its membership, until the transaction ends; false: there is no such
-- organization. The call may wait, and its statement sees rows as of before: call it in a statement (an if)
-- of its own, and check roles in a following one
create function lock_organization(organization uuid) returns boolean
  volatile security definer;

-- the verified files of the opened organization that match a search: all its words, in any form, in title,
-- filename, alt and caption together, or the whole search as a part of one of them, in any case. With the
-- columns that lists sort by. @@ is not leakproof
create function matching_files(search text) returns table(id uuid, type text, created_at timestamptz, filename
  text, size_bytes bigint)
  stable security definer;
grant execute on function matching_files to vitrine_app, vitrine_worker;

-- whether this person may give somebody this role, and change or remove members who have it: owners any
-- role, admins any role but owner
create function may_assign(organization uuid, actor uuid, role text) returns boolean
  stable security definer;

create function member_role(organization uuid, person uuid) returns text
  stable security definer;

-- insert a pending sign-in at a device; false: the user code is in use
create function open_device_code(id uuid, code_hash bytea, user_code text, client text, scope text,
  life_seconds integer, interval_seconds integer) returns boolean
  volatile security definer;
grant execute on function open_device_code to vitrine_app;

-- insert a session of an authenticated person, with the hash of its token; returns when it expires if it is
-- not used
create function open_session(id uuid, person uuid, token_hash bytea, life_seconds integer, ip_address text,
  user_agent text) returns timestamptz
  volatile security definer;
grant execute on function open_session to vitrine_app;

-- open a session where the hash that the password was verified against is still the person's. Null: it is
-- not, and no session was opened
create function open_session_by_password(id uuid, person uuid, known_hash text, token_hash bytea, life_seconds
  integer, ip_address text, user_agent text) returns timestamptz
  volatile security definer;
grant execute on function open_session_by_password to vitrine_app;

-- the organizations that this transaction may read and write; null: none. The setting is empty, not null,
-- after the first transaction of a connection
create function opened_organizations() returns uuid[]
  stable;
grant execute on function opened_organizations to vitrine_app, vitrine_worker;

-- the id of a new person; no row: the e-mail address is taken
create function operator_add_person(id uuid, email text, name text, password_hash text) returns setof uuid
  volatile security definer;
grant execute on function operator_add_person to vitrine_worker;

-- end the person's sessions, and their device codes that are not redeemed; returns how many sessions had
-- not expired
create function operator_end_sessions(person uuid) returns bigint
  volatile security definer;
grant execute on function operator_end_sessions to vitrine_worker;

-- ends_at: when the key stopped or will stop working; null: never by itself
create function operator_keys(person uuid) returns table(id uuid, prefix text, name text, scopes text[],
  status text, last_used_at timestamptz, ends_at timestamptz, created_at timestamptz)
  stable security definer;
grant execute on function operator_keys to vitrine_worker;

-- the organization of this slug; its membership is locked until the transaction ends
create function operator_lock_organization(slug text) returns table(id uuid, name text, slug text)
  volatile security definer;
grant execute on function operator_lock_organization to vitrine_worker;

-- the person's organizations; their membership is locked until the transaction ends
create function operator_lock_organizations_of(person uuid) returns setof uuid
  volatile security definer;
grant execute on function operator_lock_organizations_of to vitrine_worker;

-- the person with this e-mail address, locked until the transaction ends
create function operator_lock_person(email text) returns table(id uuid, email text, name text)
  volatile security definer;
grant execute on function operator_lock_person to vitrine_worker;

create function operator_members(organization uuid) returns table(email text, name text, role text, joined_at
  timestamptz)
  stable security definer;
grant execute on function operator_members to vitrine_worker;

-- people in the order of their e-mail addresses, after this one, with slug=role of their organizations
create function operator_people(after text, max_rows integer) returns table(id uuid, email text, name text,
  has_password boolean, organizations text[], created_at timestamptz)
  stable security definer;
grant execute on function operator_people to vitrine_worker;

create function operator_remove_member(organization uuid, person uuid) returns void
  volatile security definer;
grant execute on function operator_remove_member to vitrine_worker;

-- delete the person with their memberships, keys and sessions, and cancel the pending invitations that they
-- wrote or could return by; what the person created stays
create function operator_remove_person(person uuid) returns void
  volatile security definer;
grant execute on function operator_remove_person to vitrine_worker;

-- revoke the key and the keys that it made; one that was revoked before stays revoked as of then. No row:
-- no such key
create function operator_revoke_key(id uuid) returns table(email text, prefix text, name text)
  volatile security definer;
grant execute on function operator_revoke_key to vitrine_worker;

create function operator_sessions(person uuid) returns table(created_at timestamptz, expires_at timestamptz,
  ip_address text, user_agent text)
  stable security definer;
grant execute on function operator_sessions to vitrine_worker;

create function operator_set_password(person uuid, password_hash text) returns void
  volatile security definer;
grant execute on function operator_set_password to vitrine_worker;

create function operator_set_quota(organization uuid, bytes bigint) returns void
  volatile security definer;
grant execute on function operator_set_quota to vitrine_worker;

-- members of the opened organization, the earliest first; at most one where person or address is given
create function organization_members(organization uuid, person uuid, address text, max_rows integer, skipped
  integer) returns table(user_id uuid, organization_id uuid, email text, name text, image text, role text,
  joined_at timestamptz)
  stable security definer;
grant execute on function organization_members to vitrine_app;

-- the organization of a route's item, which may be deleted or purged; null: the item is missing
create function organization_of(item_kind text, item_id uuid, item_key text) returns uuid
  stable security definer;

-- the organizations of this person, the earliest membership first
create function organizations_of(person uuid, max_rows integer) returns table(id uuid, name text, slug text,
  created_at timestamptz, role text)
  stable security definer;
grant execute on function organizations_of to vitrine_app;

-- the state of the sign-in of this code (SHA-256), always one row: pending (the interval until the next
-- poll begins) | too_early | unknown | of_another_client, or its end, which is reported once: denied |
-- expired | approved. When approved, a session with the given id and token is opened
create function poll_device_code(code_hash bytea, client text, session_id uuid, token_hash bytea, life_seconds
  integer, ip_address text, user_agent text) returns table(state text, scope text)
  volatile security definer;
grant execute on function poll_device_code to vitrine_app;

-- insert a key of this person, of which only the hash is stored. A key that replaces another becomes the
-- maker of the keys that the other made, and has the maker of the other unless made_by is given
create function put_api_key(person uuid, key uuid, name text, prefix text, key_hash bytea, scopes text[],
  expires_at timestamptz, rotated_from uuid, made_by uuid) returns setof shown_api_key
  volatile security definer;
grant execute on function put_api_key to vitrine_app;

-- remove a member; a member in any role may remove themselves. done | absent | owners_only | last_owner |
-- forbidden
create function remove_member(entry uuid, organization uuid, actor uuid, person uuid) returns text
  volatile security definer;
grant execute on function remove_member to vitrine_app;

-- delete the membership, cancel the pending invitations that the person wrote or could return by, and reset
-- the sessions in which the organization is active
create function remove_membership(organization uuid, person uuid) returns void
  volatile security definer;

-- set the name, the slug or both; a null leaves the value. done | slug_taken | forbidden
create function rename_organization(entry uuid, organization uuid, actor uuid, name text, slug text) returns
  text
  volatile security definer;
grant execute on function rename_organization to vitrine_app;

-- replace the password where its hash is still the known one; of two simultaneous changes one returns true
create function replace_password(person uuid, known_hash text, new_hash text) returns boolean
  volatile security definer;
grant execute on function replace_password to vitrine_app;

-- the keys of a file in the index media_searched. Each begins with the last 12 characters of the
-- organization's id. Then comes w and the stem of a word of the four texts (a long one's md5, because a
-- key's length is limited), or t and three letters from any place of a text on, fewer at its end, so that
-- every part of a text begins a key. The cost keeps the planner from computing the keys row by row
create function search_keys(organization uuid, title text, filename text, alt text, caption text) returns
  tsvector
  immutable;
grant execute on function search_keys to vitrine_app, vitrine_worker;

-- make the organization active in this session (session null: validate only; organization null: none is
-- active): done | stranger (the person is no member) | absent
create function set_active_organization(person uuid, session uuid, organization uuid) returns table(outcome
  text, id uuid, name text, slug text, created_at timestamptz, role text)
  volatile security definer;
grant execute on function set_active_organization to vitrine_app;

-- a new row of media_tags gets the collection of its item
create function set_media_tag_collection() returns trigger
  volatile;

-- a key as its owner may see it, in state active | expired | inactive (which means revoked)
create function show_api_key(key api_keys) returns shown_api_key
  stable;

-- insert a person with a password; no row where the e-mail address is taken, whose person does not change
create function sign_up(new_id uuid, new_email text, new_name text, new_hash text) returns table(id uuid,
  email text, name text, image text, email_verified boolean, created_at timestamptz, updated_at timestamptz,
  password_hash text)
  volatile security definer;
grant execute on function sign_up to vitrine_app;

-- a folder of the opened organization and the folders below it, deleted or not. Comparing paths is not
-- leakproof
create function subtree(root uuid) returns table(id uuid, path ltree)
  stable security definer;
grant execute on function subtree to vitrine_app, vitrine_worker;

-- enable row-level security on a table with an organization_id: vitrine_app sees the rows of the opened
-- organizations, vitrine_worker all rows. The table's grants are given where it is created
create function tenant_table(tenant_table regclass) returns void
  volatile;

-- take back one request of each bucket, in the window that began then. Requests are counted before they are
-- done, so that simultaneous guesses count; a successful one is then taken back. Give the buckets in the
-- order of counting
create function uncount_request(buckets text[], began timestamptz) returns void
  volatile security definer;
grant execute on function uncount_request to vitrine_app;

-- the upload of an object that an event of the store names, and the organization for the consumer to open
create function upload_by_key(store_key text) returns table(organization_id uuid, upload_id uuid)
  stable security definer;
grant execute on function upload_by_key to vitrine_app;

-- the present scopes of this person's key; null: it was revoked, has expired, or does not exist
create function working_key_scopes(key uuid, person uuid) returns text[]
  stable security definer;
grant execute on function working_key_scopes to vitrine_app, vitrine_worker;

create function write_audit_log(entry uuid, organization uuid, actor uuid, operation text, item uuid, details
  jsonb) returns void
  volatile security definer;
