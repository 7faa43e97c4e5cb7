-- Every table, what it is for, its units and what may never be. Ids are UUID version 7, minted by the code. Sizes are bytes.
--
-- The tenant wall begins here: `organization_id not null` stands on every tenant table, in its unique keys and in its foreign keys,
-- because a foreign-key check does not ask a policy. Policies and grants follow in 0002, functions in 0003.

create extension if not exists ltree;
create extension if not exists pg_trgm;
create extension if not exists citext;
create extension if not exists pgcrypto;
create extension if not exists vector;


-- People and their credentials. No organization, so no grant to the application: reached through definer functions only.

create table users (
  id              uuid        primary key,
  email           citext      not null unique check (length(email) <= 320),
  email_verified  boolean     not null default false,
  name            text        not null check (length(name) between 1 and 255),
  image           text,
  password_hash   text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);
comment on column users.password_hash is 'argon2id in PHC form; null where the person has no password';

create table organizations (
  id          uuid        primary key,
  name        text        not null check (length(name) between 1 and 100),
  slug        text        not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  quota_bytes bigint      check (quota_bytes >= 0),
  settings    jsonb       not null default '{}',
  deleted_at  timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);
comment on table  organizations is 'a tenant; the v1 API calls it a team';
comment on column organizations.quota_bytes is 'active + trash + what open uploads may land; null: no limit';

create table memberships (
  organization_id uuid        not null references organizations (id) on delete cascade,
  user_id         uuid        not null references users (id) on delete cascade,
  role            text        not null check (role in ('owner', 'admin', 'editor', 'member', 'viewer')),
  joined_at       timestamptz not null default now(),
  invited_by      uuid,
  primary key (organization_id, user_id)
);
create index memberships_by_user on memberships (user_id, joined_at, organization_id);

create table sessions (
  id                     uuid        primary key,
  token_hash             bytea       not null unique check (length(token_hash) = 32),
  user_id                uuid        not null references users (id) on delete cascade,
  active_organization_id uuid        references organizations (id) on delete set null,
  ip_address             text,
  user_agent             text,
  created_at             timestamptz not null default now(),
  expires_at             timestamptz not null
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);
comment on column sessions.token_hash is 'SHA-256 of the token; the token itself is never stored';

create table device_codes (
  id               uuid        primary key,
  device_code_hash bytea       not null unique check (length(device_code_hash) = 32),
  user_code        text        not null unique,
  client_id        text        not null,
  scope            text        not null default '',
  status           text        not null default 'pending' check (status in ('pending', 'approved', 'denied')),
  user_id          uuid        references users (id) on delete cascade,
  interval_seconds integer     not null default 5,
  polled_at        timestamptz,
  created_at       timestamptz not null default now(),
  expires_at       timestamptz not null
);

create table api_keys (
  id           uuid        primary key,
  user_id      uuid        not null references users (id) on delete cascade,
  name         text        not null check (length(name) between 1 and 100),
  prefix       text        not null check (length(prefix) = 16),
  key_hash     bytea       not null unique check (length(key_hash) = 32),
  scopes       text[]      not null check (cardinality(scopes) >= 1),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  rotated_from uuid        references api_keys (id) on delete set null,
  last_used_at timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);
create index api_keys_by_user on api_keys (user_id);
comment on column api_keys.prefix is 'the first 16 characters, to recognize a key by';
comment on column api_keys.key_hash is 'SHA-256 of the whole key';
comment on column api_keys.last_used_at is 'written at most every five minutes';

create unlogged table rate_limits (
  bucket       text        not null,
  window_start timestamptz not null,
  hits         integer     not null default 0,
  primary key (bucket, window_start)
);
comment on table rate_limits is 'requests per identity, tier and window; unlogged: a crash may forget it';


-- The library.

create table collections (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  name            text        not null check (length(name) between 1 and 255),
  icon            text        check (length(icon) <= 255),
  type            text        not null default 'dataset' check (length(type) between 1 and 50),
  is_default      boolean     not null default false,
  status          text        not null default 'active' check (status in ('active', 'deleted')),
  deletion_id     uuid,
  row_version     bigint      not null default 1,
  created_at      timestamptz not null default now(),
  created_by      uuid        not null,
  updated_at      timestamptz not null default now(),
  updated_by      uuid,
  unique (organization_id, id),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (not (is_default and status = 'deleted'))
);
create unique index collections_one_default on collections (organization_id) where is_default;
create index collections_listed on collections (organization_id, created_at, id) where status = 'active';
comment on table  collections is 'the Studio API calls it a dataset';
comment on column collections.is_default is 'where the v1 API, and an upload that names none, puts things';

create table media (
  organization_id   uuid             not null,
  id                uuid             not null primary key,
  collection_id     uuid             not null,
  parent_id         uuid,
  place_id          uuid             not null generated always as (coalesce(parent_id, collection_id)) stored,
  type              text             not null check (type in ('image', 'video', 'pdf', 'folder')),
  path              ltree,
  status            text             not null default 'active' check (status in ('active', 'deleted')),
  deletion_id       uuid,
  row_version       bigint           not null default 1,
  name              text             not null check (length(name) between 1 and 255),
  title             text             check (length(title) <= 255),
  alt               text             check (length(alt) <= 500),
  caption           text             check (length(caption) <= 1000),
  metadata          jsonb            not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  link_token        text             not null check (length(link_token) >= 22),
  next_version      integer          not null default 2,
  -- a copy of what the active version shows, so that listing and sorting touch one table
  active_version_id uuid,
  filename          text,
  mime_type         text,
  size_bytes        bigint           not null default 0 check (size_bytes >= 0),
  width             integer          check (width > 0),
  height            integer          check (height > 0),
  duration          double precision check (duration >= 0),
  sha256            bytea            check (length(sha256) = 32),
  placeholder       bytea,
  taken_at          timestamptz,
  taken_zone        text,
  processing        text             check (processing in ('pending', 'ready', 'failed')),
  processing_reason text,
  moderation        jsonb,
  description       text,
  verified_at       timestamptz,
  created_at        timestamptz      not null default now(),
  created_by        uuid             not null,
  updated_at        timestamptz      not null default now(),
  updated_by        uuid,
  unique (organization_id, id),
  unique (organization_id, collection_id, id),
  foreign key (organization_id, collection_id) references collections (organization_id, id),
  foreign key (organization_id, collection_id, parent_id) references media (organization_id, collection_id, id),
  check ((type = 'folder') = (path is not null)),
  check (nlevel(path) <= 33),
  check ((type = 'folder') = (active_version_id is null)),
  check ((type = 'folder') = (processing is null)),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (parent_id <> id)
);
comment on table  media is 'what one sees and places: files and folders';
comment on column media.place_id is 'the folder it lies in, or the collection at its root';
comment on column media.path is 'folders only: collection.folder...this; a file''s path is composed when shown, so a move rewrites folders alone';
comment on column media.size_bytes is 'of the active version as shown; bytes';
comment on column media.duration is 'seconds; null for stills';
comment on column media.placeholder is 'ThumbHash';
comment on column media.description is 'the first caption, for sorting';
comment on column media.verified_at is 'when the bytes were first held against their type; null: listed by Studio as pending, not by v1, and counted nowhere';
comment on column media.next_version is 'the number the next version gets; never reused';

create index media_newest on media (organization_id, place_id, created_at desc, id desc) where status = 'active';
create index media_by_name on media (organization_id, place_id, name collate "C", id) where status = 'active';
create index media_unverified on media (organization_id, place_id) where status = 'active' and verified_at is null;
create index media_files_newest on media (organization_id, created_at desc, id desc)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_filename on media (organization_id, filename collate "C", id)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_size on media (organization_id, size_bytes, id)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_in_place on media (organization_id, collection_id, parent_id);
create index media_folders_below on media using gist (path) where type = 'folder';
create index media_of_deletion on media (organization_id, deletion_id) where deletion_id is not null;
create index media_same_bytes on media (organization_id, sha256) where sha256 is not null and status = 'active';

create table versions (
  organization_id   uuid             not null,
  id                uuid             not null primary key,
  media_id          uuid             not null,
  number            integer          not null check (number >= 1),
  status            text             not null default 'active' check (status in ('active', 'deleted')),
  deletion_id       uuid,
  upload_id         uuid             unique,
  key               text,
  external_url      text,
  filename          text             not null check (length(filename) between 1 and 255),
  mime_type         text             not null,
  size_bytes        bigint           not null check (size_bytes > 0),
  stored_bytes      bigint           not null check (stored_bytes >= 0),
  checksum          text,
  sha256            bytea            check (length(sha256) = 32),
  phash             bit(64),
  width             integer          check (width > 0),
  height            integer          check (height > 0),
  duration          double precision check (duration >= 0),
  placeholder       bytea,
  exif              jsonb,
  taken_at          timestamptz,
  taken_zone        text,
  moderation        jsonb,
  processing        text             not null default 'pending' check (processing in ('pending', 'ready', 'failed')),
  processing_reason text,
  generation        integer          not null default 0 check (generation >= 0),
  last_generation   integer          not null default 0 check (last_generation >= generation),
  verified_at       timestamptz,
  created_at        timestamptz      not null default now(),
  created_by        uuid             not null,
  updated_at        timestamptz      not null default now(),
  unique (organization_id, id),
  unique (organization_id, media_id, id),
  unique (organization_id, media_id, number),
  foreign key (organization_id, media_id) references media (organization_id, id) on delete cascade,
  check ((status = 'deleted') = (deletion_id is not null)),
  check ((key is null) = (external_url is not null)),
  check (external_url is null or stored_bytes = 0),
  check ((processing = 'failed') = (processing_reason is not null))
);
create index versions_pending on versions (created_at) where processing = 'pending';
create index versions_same_bytes on versions (organization_id, sha256) where sha256 is not null;
comment on table  versions is 'the bytes; the first version has its item''s own id';
comment on column versions.size_bytes is 'as shown: an external URL shows what was declared and stores 0';
comment on column versions.checksum is 'the whole object''s, as the store gave it: ALGORITHM:base64';
comment on column versions.phash is 'perceptual hash; compared by Hamming distance';
comment on column versions.generation is 'the derived objects that are shown; 0: none yet';
comment on column versions.last_generation is 'the highest generation an attempt has taken; each attempt writes under its own';

alter table media add foreign key (organization_id, id, active_version_id)
  references versions (organization_id, media_id, id) deferrable initially deferred;

create table frames (
  organization_id  uuid             not null,
  id               uuid             not null primary key,
  version_id       uuid             not null,
  ordinal          integer          not null check (ordinal >= 0),
  generation       integer          not null check (generation >= 1),
  key              text             not null,
  mime_type        text             not null,
  width            integer          not null check (width > 0),
  height           integer          not null check (height > 0),
  thumbnail_key    text             not null,
  thumbnail_width  integer          not null check (thumbnail_width > 0),
  thumbnail_height integer          not null check (thumbnail_height > 0),
  at_seconds       double precision not null default 0 check (at_seconds >= 0),
  end_seconds      double precision check (end_seconds >= at_seconds),
  page_number      integer          check (page_number >= 1),
  text             text,
  metadata         jsonb,
  created_at       timestamptz      not null default now(),
  unique (organization_id, id),
  unique (organization_id, version_id, ordinal),
  foreign key (organization_id, version_id) references versions (organization_id, id) on delete cascade
);
comment on table  frames is 'what a version looks like: one for a still, several for a video; ids are stable over reprocessing (version, ordinal)';
comment on column frames.at_seconds is 'seconds from the start; 0 for stills';

create table captions (
  organization_id uuid        not null,
  id              uuid        not null primary key,
  frame_id        uuid        not null,
  text            text        not null,
  model           text,
  created_at      timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, frame_id) references frames (organization_id, id) on delete cascade
);
create index captions_of_frame on captions (organization_id, frame_id, created_at);

create table clusters (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  type            text        not null check (type in ('object', 'face', 'text', 'frame')),
  label           text,
  created_at      timestamptz not null default now(),
  unique (organization_id, id)
);

create table detections (
  organization_id uuid        not null,
  id              uuid        not null primary key,
  frame_id        uuid        not null,
  cluster_id      uuid,
  type            text        not null check (length(type) between 1 and 50),
  label           text        not null,
  polygon         jsonb       not null default '[]' check (jsonb_typeof(polygon) = 'array'),
  score           real        not null check (score between 0 and 1),
  crop_key        text,
  model           text,
  created_at      timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, frame_id) references frames (organization_id, id) on delete cascade,
  foreign key (organization_id, cluster_id) references clusters (organization_id, id)
);
create index detections_of_frame on detections (organization_id, frame_id, created_at);
create index detections_of_cluster on detections (organization_id, cluster_id) where cluster_id is not null;
comment on column detections.polygon is 'corners [{x, y}] in pixels of the frame';

create table embeddings (
  organization_id uuid        not null,
  id              uuid        not null primary key,
  media_id        uuid        not null,
  version_id      uuid        not null,
  frame_id        uuid        not null,
  detection_id    uuid,
  model           text        not null,
  generation      integer     not null,
  embedding       vector      not null,
  created_at      timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, media_id, version_id) references versions (organization_id, media_id, id) on delete cascade,
  foreign key (organization_id, frame_id) references frames (organization_id, id) on delete cascade,
  foreign key (organization_id, detection_id) references detections (organization_id, id) on delete cascade
);
create unique index embeddings_one_each on embeddings (organization_id, model, frame_id, detection_id) nulls not distinct;
create index embeddings_of_version on embeddings (organization_id, version_id);
comment on table embeddings is 'one partial expression HNSW index per model comes with the migration that brings the model';

create table tags (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  "group"         text        not null check (length("group") between 1 and 255),
  name            text        not null check (length(name) between 1 and 255),
  slug            text        check (slug ~ '^[a-z0-9-]+$' and length(slug) between 2 and 100),
  description     text,
  icon            text,
  color           text,
  "order"         integer     not null default 0,
  is_active       boolean     not null default true,
  created_at      timestamptz not null default now(),
  created_by      uuid,
  updated_at      timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, "group", name),
  unique (organization_id, slug),
  check ((slug is not null) = ("group" = 'tags'))
);
comment on table tags is 'the one store of tags: Studio shows all groups, v1 the group `tags`, the only one with slugs';

create table media_tags (
  organization_id uuid        not null,
  media_id        uuid        not null,
  tag_id          uuid        not null,
  created_at      timestamptz not null default now(),
  created_by      uuid,
  primary key (organization_id, media_id, tag_id),
  foreign key (organization_id, media_id) references media (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references tags (organization_id, id) on delete cascade
);
create index media_tags_of_tag on media_tags (organization_id, tag_id, media_id);

create table deletions (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  kind            text        not null check (kind in ('media', 'folder', 'version', 'collection')),
  root_id         uuid        not null,
  actor           uuid        not null,
  at              timestamptz not null default now(),
  purge_at        timestamptz,
  state           text        not null default 'trash' check (state in ('trash', 'restored', 'purging', 'purged')),
  item_count      integer     not null check (item_count >= 0),
  unique (organization_id, id)
);
create index deletions_in_trash on deletions (organization_id, at desc, id) where state = 'trash';
create index deletions_to_purge on deletions (purge_at) where state in ('trash', 'purging');
comment on table  deletions is 'one row per act of deleting; kept after the purge, so that a restore can answer 410';
comment on column deletions.purge_at is 'null: never';
comment on column deletions.item_count is 'files, versions counted';

alter table media       add foreign key (organization_id, deletion_id) references deletions (organization_id, id);
alter table versions    add foreign key (organization_id, deletion_id) references deletions (organization_id, id);
alter table collections add foreign key (organization_id, deletion_id) references deletions (organization_id, id);


-- The way of the bytes.

create table uploads (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  user_id         uuid        not null,
  collection_id   uuid        not null,
  parent_id       uuid,
  source_media_id uuid,
  media_id        uuid        not null,
  version_id      uuid        not null unique,
  method          text        not null check (method in ('post', 'multipart', 'form', 'import')),
  state           text        not null default 'created' check (state in ('created', 'uploading', 'completing', 'stored', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired')),
  reason          text,
  key             text        not null unique check (key <> ''),
  store_upload_id text,
  name            text        not null check (length(name) between 1 and 255),
  filename        text        not null check (length(filename) between 1 and 255),
  mime_type       text        not null,
  title           text        check (length(title) <= 255),
  alt             text        check (length(alt) <= 500),
  caption         text        check (length(caption) <= 1000),
  declared_bytes  bigint      check (declared_bytes > 0),
  reserved_bytes  bigint      not null check (reserved_bytes >= 0),
  landed_bytes    bigint      not null default 0 check (landed_bytes >= 0),
  checksum_kind   text        check (checksum_kind in ('CRC64NVME', 'CRC32C', 'SHA256')),
  checksum_value  text,
  part_bytes      bigint      check (part_bytes > 0),
  signed_parts    integer     not null default 0,
  lease_until     timestamptz,
  lease_id        uuid,
  resent          integer     not null default 0,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  deadline        timestamptz not null,
  unique (organization_id, id),
  foreign key (organization_id, collection_id) references collections (organization_id, id),
  foreign key (organization_id, collection_id, parent_id) references media (organization_id, collection_id, id) on delete set null (parent_id),
  foreign key (organization_id, source_media_id) references media (organization_id, id) on delete set null (source_media_id),
  check ((checksum_kind is null) = (checksum_value is null)),
  check ((state in ('rejected', 'failed')) <= (reason is not null))
);
create index uploads_open on uploads (organization_id) include (reserved_bytes) where state in ('created', 'uploading', 'completing');
create index uploads_lapsing on uploads (expires_at, id) where state in ('created', 'uploading', 'completing');
create index uploads_in_store on uploads (store_upload_id) where state in ('created', 'uploading', 'completing');
create index uploads_working on uploads (updated_at, id) where state in ('stored', 'processing');
create index uploads_in_collection on uploads (organization_id, collection_id) where state in ('created', 'uploading', 'completing');
create index uploads_in_folder on uploads (organization_id, collection_id, parent_id) where parent_id is not null;
create index uploads_of_source on uploads (organization_id, source_media_id) where source_media_id is not null;
comment on table  uploads is 'one row per upload: its state machine; version_id is the id a client is given as mediaId';
comment on column uploads.key is 'where the bytes land: originals/... for multipart, incoming/... for a presigned POST';
comment on column uploads.store_upload_id is 'the store''s own id; never shown';
comment on column uploads.reserved_bytes is 'what this upload may land, held against the quota while it is open';
comment on column uploads.landed_bytes is 'what the store last said it holds of it';
comment on column uploads.checksum_value is 'base64, of the whole object, as the client declared it';
comment on column uploads.lease_until is 'while completing: until when the completing call has the upload to itself';
comment on column uploads.deadline is 'expires_at never goes beyond: six days after creation, before the store''s own seven';
comment on column uploads.resent is 'how often a lost event''s message was sent again';

alter table versions add foreign key (organization_id, upload_id) references uploads (organization_id, id);

create table objects (
  organization_id uuid        not null references organizations (id) on delete cascade,
  key             text        not null primary key check (length(key) <= 1024),
  kind            text        not null check (kind in ('incoming', 'original', 'derived')),
  upload_id       uuid,
  version_id      uuid        not null,
  generation      integer,
  bytes           bigint      not null default 0 check (bytes >= 0),
  etag            text,
  state           text        not null default 'planned' check (state in ('planned', 'live', 'doomed')),
  hold_until      timestamptz,
  reason          text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  unique (organization_id, key),
  check (state <> 'live' or etag is not null),
  check ((kind = 'derived') = (generation is not null))
);
create index objects_of_version on objects (organization_id, version_id);
create index objects_to_settle on objects (state, updated_at, key) where state in ('planned', 'doomed');
comment on table  objects is 'the manifest of the store, written before each put, copy or presign; no foreign key to an owner: a doomed object may outlive it';
comment on column objects.bytes is '0 until live';
comment on column objects.hold_until is 'until when a client may still write this key (a POST policy); the row is kept at least as long';
comment on column objects.reason is 'why it was doomed';


-- Counters: entries are appended by the transaction that changes the media, folded in batches by a job. A reading is folded + unfolded.

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
comment on table  storage_ledger is 'append-only; what was added to and taken from the store''s live bytes, and why';
comment on column storage_ledger.delta_count is 'originals';
comment on column storage_ledger.event_key is 'what happened, once: a repeated event finds its key taken';

create table storage_usage (
  organization_id uuid        not null references organizations (id) on delete cascade,
  kind            text        not null check (kind in ('original', 'derived')),
  state           text        not null check (state in ('active', 'trash')),
  bytes           bigint      not null,
  items           bigint      not null,
  folded_at       timestamptz not null default now(),
  primary key (organization_id, kind, state)
);
comment on table storage_usage is 'the folded part of storage_ledger';

create table count_ledger (
  organization_id uuid    not null references organizations (id) on delete cascade,
  id              bigint  generated always as identity primary key,
  collection_id   uuid    not null,
  place_id        uuid    not null,
  type            text    not null check (type in ('image', 'video', 'pdf', 'folder')),
  delta           integer not null,
  folded          boolean not null default false
);
create index count_ledger_unfolded on count_ledger (organization_id, place_id, type) include (collection_id, delta) where not folded;
create index count_ledger_to_fold on count_ledger (id) where not folded;
comment on table count_ledger is 'changes of the number of active, verified items directly in a place (a folder, or a collection''s root)';

create table counts (
  organization_id uuid   not null references organizations (id) on delete cascade,
  collection_id   uuid   not null,
  place_id        uuid   not null,
  type            text   not null check (type in ('image', 'video', 'pdf', 'folder')),
  items           bigint not null,
  primary key (organization_id, place_id, type)
);
comment on table counts is 'the folded part of count_ledger: direct children only';

create table collection_counts (
  organization_id uuid   not null references organizations (id) on delete cascade,
  collection_id   uuid   not null,
  type            text   not null check (type in ('image', 'video', 'pdf', 'folder')),
  items           bigint not null,
  primary key (organization_id, collection_id, type)
);
comment on table collection_counts is 'the same entries folded per collection, at any depth';


-- What every request and job shares.

create table idempotency_keys (
  organization_id uuid        not null references organizations (id) on delete cascade,
  user_id         uuid        not null,
  route           text        not null,
  key             text        not null check (length(key) between 1 and 255),
  request_hash    bytea       not null check (length(request_hash) = 32),
  response        jsonb,
  locked_until    timestamptz,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  primary key (organization_id, user_id, route, key)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);

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
comment on table outbox is 'messages written by the transaction that causes them; sent right after it, or by a job';

create table audit_log (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  actor           uuid        not null,
  operation       text        not null,
  item_id         uuid,
  details         jsonb       not null default '{}',
  at              timestamptz not null default now(),
  unique (organization_id, id)
);
create index audit_log_newest on audit_log (organization_id, at desc, id);

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
comment on table job_runs is 'one row per run of a scheduled job; an unfinished one holds the lease';
