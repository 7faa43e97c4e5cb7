-- Uploads, and the registry of what the store should contain. Sizes are bytes.

create table uploads (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  user_id         uuid        not null,
  key_id          uuid,
  collection_id   uuid        not null,
  parent_id       uuid,
  source_media_id uuid,
  media_id        uuid        not null,
  version_id      uuid        not null unique,
  method          text        not null check (method in ('post', 'multipart', 'form', 'import')),
  state           text        not null default 'created'
                              check (state in ('created', 'uploading', 'completing', 'stored', 'processing',
                                               'ready', 'rejected', 'failed', 'aborted', 'expired')),
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
  foreign key (organization_id, collection_id, parent_id)
    references media (organization_id, collection_id, id) on delete set null (parent_id),
  foreign key (organization_id, source_media_id)
    references media (organization_id, id) on delete set null (source_media_id),
  check ((checksum_kind is null) = (checksum_value is null)),
  check ((state in ('rejected', 'failed')) <= (reason is not null))
);
create index uploads_open on uploads (organization_id) include (reserved_bytes, expires_at, lease_until)
  where state in ('created', 'uploading', 'completing');
create index uploads_lapsing on uploads (expires_at, id)
  where state in ('created', 'uploading', 'completing');
create index uploads_in_store on uploads (store_upload_id)
  where state in ('created', 'uploading', 'completing');
create index uploads_working on uploads (updated_at, id) where state in ('stored', 'processing');
create index uploads_in_collection on uploads (organization_id, collection_id)
  where state in ('created', 'uploading', 'completing');
create index uploads_of_collection on uploads (organization_id, collection_id);
create index uploads_in_folder on uploads (organization_id, collection_id, parent_id)
  where parent_id is not null;
create index uploads_of_source on uploads (organization_id, source_media_id)
  where source_media_id is not null;
select tenant_table('uploads');
grant select, insert, update, delete on uploads to vitrine_app, vitrine_worker;
comment on table  uploads is 'one row per upload: its state machine; clients get version_id as mediaId';
comment on column uploads.key_id is
  'the API key that its uploader used last to create, sign or complete it; null: a session. No foreign key: '
  'a check of one would bypass the policies';
comment on column uploads.key is
  'where the bytes arrive: originals/... for multipart, incoming/... for a presigned POST';
comment on column uploads.store_upload_id is 'the store''s id of the multipart upload; never shown';
comment on column uploads.reserved_bytes is
  'the most bytes this upload may store: they count against the quota while the upload is open and '
  'expires_at, or a lease, lies ahead';
comment on column uploads.signed_parts is
  'how many URLs of parts were signed; a part that was signed again counts again';
comment on column uploads.lease_id is
  'the call that completes or fetches the upload until lease_until; null: none';
comment on column uploads.landed_bytes is 'the bytes that the store last reported for it';
comment on column uploads.checksum_value is 'base64, of the whole object, as the client declared it';
comment on column uploads.lease_until is
  'while completing: how long the completing call has the upload to itself';
comment on column uploads.expires_at is
  'of parts and imports: when the session ends. Of a presigned form: when its policy has expired and its '
  'bytes must have been seen. Of a form sent to the API: when its request must be over';
comment on column uploads.deadline is
  'the latest time that expires_at may have: six days after creation, because the store aborts a multipart '
  'upload after seven';
comment on column uploads.resent is 'how often the message of a lost event was sent again';

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
  state           text        not null default 'planned' check (state in ('planned', 'live', 'deleting')),
  keep_until      timestamptz,
  reason          text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  unique (organization_id, key),
  check (state <> 'live' or etag is not null),
  check ((kind = 'derived') = (generation is not null))
);
create index objects_of_version on objects (organization_id, version_id);
create index objects_unfinished on objects (state, updated_at, key) where state in ('planned', 'deleting');
create index objects_of_purge on objects (organization_id, reason, key) where state = 'deleting';
create index objects_retired on objects (key)
  where state = 'live' and kind = 'derived' and keep_until is not null;
select tenant_table('objects');
grant select, insert, update, delete on objects to vitrine_app, vitrine_worker;
comment on table  objects is
  'the registry of the store''s objects, written before each put, copy or presign; no foreign key to an '
  'owner, because an object that is being deleted may outlive it';
comment on column objects.bytes is '0 until live';
comment on column objects.keep_until is
  'of a derived object: until when a signed URL may read it; it stays in the store until then. Of any '
  'other: until when a client may still write this key (a POST policy); the row is kept at least as long';
comment on column objects.reason is 'why it was marked for deletion';
comment on index  objects_retired is
  'frames that newer ones replaced; the sweep deletes those whose keep_until is past';
