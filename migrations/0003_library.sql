-- Collections, media, versions, what analysis finds in them, and tags. Sizes are bytes.
--
-- `organization_id not null` stands on every tenant table, in its unique keys and in its foreign keys,
-- because the check of a foreign key bypasses policies: a plain one would let a tenant refer to a row of
-- another.

create table deletions (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  kind            text        not null
                              check (kind in ('media', 'folder', 'version', 'collection', 'selection')),
  root_id         uuid        not null,
  actor           uuid        not null,
  at              timestamptz not null default now(),
  purge_at        timestamptz,
  state           text        not null default 'trash'
                              check (state in ('trash', 'restored', 'purging', 'purged')),
  item_count      integer     not null check (item_count >= 0),
  unique (organization_id, id)
);
create index deletions_in_trash on deletions (organization_id, at desc, id) where state = 'trash';
create index deletions_to_purge on deletions (purge_at) where state in ('trash', 'purging');
create index deletions_by_root on deletions (root_id);
select tenant_table('deletions');
grant select, insert, update on deletions to vitrine_app, vitrine_worker;
comment on table  deletions is
  'one row per deletion request; kept after the purge, so that a restore can answer 410';
comment on column deletions.purge_at is 'null: never';
comment on column deletions.item_count is 'files and versions';

create table deletion_roots (
  organization_id uuid not null,
  deletion_id     uuid not null,
  root_id         uuid not null,
  primary key (organization_id, deletion_id, root_id),
  foreign key (organization_id, deletion_id) references deletions (organization_id, id) on delete cascade
);
create index deletion_roots_by_root on deletion_roots (root_id);
select tenant_table('deletion_roots');
grant select, insert on deletion_roots to vitrine_app;
grant select         on deletion_roots to vitrine_worker;
comment on table deletion_roots is
  'the items named by a deletion of kind selection, deletions.root_id among them, without their '
  'descendants; kept after the purge, as deletions is';

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
  foreign key (organization_id, deletion_id) references deletions (organization_id, id),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (not (is_default and status = 'deleted'))
);
create unique index collections_one_default on collections (organization_id) where is_default;
create index collections_listed on collections (organization_id, created_at, id) where status = 'active';
create index collections_of_deletion on collections (organization_id, deletion_id)
  where deletion_id is not null;
select tenant_table('collections');
grant select, insert, update, delete on collections to vitrine_app, vitrine_worker;
comment on table  collections is 'the Studio API calls it a dataset';
comment on column collections.row_version is 'raised by each change of the row; part of its ETag';
comment on column collections.is_default is
  'the v1 API, and an upload that names no collection, put files here';


-- Files and folders.

create table media (
  organization_id   uuid             not null,
  id                uuid             not null primary key,
  collection_id     uuid             not null,
  parent_id         uuid,
  place_id          uuid             not null generated always as (coalesce(parent_id, collection_id)) stored,
  type              text             not null check (type in ('image', 'video', 'pdf', 'folder')),
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
  version_selected  boolean          not null default false,
  -- A copy of what the active version shows, so that listing and sorting read one table.
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
  foreign key (organization_id, collection_id, parent_id)
    references media (organization_id, collection_id, id),
  foreign key (organization_id, deletion_id) references deletions (organization_id, id),
  check ((type = 'folder') = (active_version_id is null)),
  check ((type = 'folder') = (processing is null)),
  check ((status = 'deleted') = (deletion_id is not null)),
  check (parent_id <> id)
);
select tenant_table('media');
grant select, insert, update, delete on media to vitrine_app, vitrine_worker;
comment on table  media is 'files and folders as a person sees and places them';
comment on column media.place_id is
  'the folder that contains the item, or the collection for an item at its root';
comment on column media.status is 'deleted: in the trash or being purged, by the deletion deletion_id';
comment on column media.row_version is 'raised by each change of the row; part of its ETag';
comment on column media.link_token is
  'the secret part of the item''s permanent link; stored as text, because each answer shows the link';
comment on column media.processing is
  'of the active version: pending until its frames exist, then ready; failed: processing_reason says why. '
  'Null: a folder';
comment on column media.moderation is
  'status, categories, moderatedAt; the permanent link of an item with the status blocked answers 404. '
  'Null: unchecked';
comment on column media.taken_zone is
  'the offset of the camera''s clock from UTC, such as +02:00; null: unknown, and taken_at is the clock''s '
  'time as if it were UTC';
comment on column media.next_version is 'the number of the next version; never reused';
comment on column media.version_selected is
  'somebody selected the active version: newer ones do not take its place';
comment on column media.size_bytes is 'of the active version as shown';
comment on column media.duration is 'seconds; null for stills';
comment on column media.placeholder is 'ThumbHash';
comment on column media.description is 'the first caption, for sorting';
comment on column media.verified_at is
  'when the bytes were first checked against their type; null: Studio lists the item as pending, v1 does '
  'not, and no count includes it';

-- The orders of Studio's lists.
create index media_newest on media (organization_id, place_id, created_at desc, id desc)
  where status = 'active';
create index media_by_name on media (organization_id, place_id, name collate "C", id) where status = 'active';
create index media_unverified on media (organization_id, place_id)
  where status = 'active' and verified_at is null;
create index media_in_place on media (organization_id, collection_id, parent_id);
create index media_previews on media (organization_id, place_id, created_at desc, id desc)
  where status = 'active' and processing = 'ready' and type in ('image', 'video');
comment on index media_previews is
  'the newest pictures of a place, whatever else it contains: a folder of folders is not searched for them';

-- The orders of v1's list, with the type: rows of another type that an offset skips are not read from the
-- table.
create index media_files_newest on media (organization_id, created_at desc, id desc) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_filename on media (organization_id, filename collate "C", id) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_size on media (organization_id, size_bytes, id) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;

-- Whether a file exists already. The newest come first, so that a thousandth file of the same name and size
-- is cheap.
create index media_same_file
  on media (organization_id, filename collate "C", size_bytes, created_at desc, id desc)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_same_bytes on media (organization_id, sha256, created_at desc, id desc)
  where sha256 is not null and status = 'active' and type <> 'folder' and verified_at is not null;
create index media_copies on media (organization_id, collection_id, sha256, active_version_id)
  where sha256 is not null and status = 'active' and verified_at is not null;

create index media_of_deletion on media (organization_id, deletion_id) where deletion_id is not null;
create index media_failed on media (organization_id, collection_id, id)
  where status = 'active' and processing = 'failed';

-- v1's search uses an index of words and letters. Each key contains the organization, so a search reads the
-- keys of its own organization, however many others there are. btree_gin, which could put the organization in
-- front as a column of the index, is not among our extensions.
create function search_keys(organization uuid, title text, filename text, alt text, caption text)
  returns tsvector
  language plpgsql immutable parallel safe cost 100000 set search_path = public, pg_temp
as $$
declare
  prefix constant text := right(organization::text, 12);
begin
  return array_to_tsvector(array(
    select prefix || 'w' || case when octet_length(word) > 200 then md5(word) else word end
      from unnest(tsvector_to_array(to_tsvector('english',
             coalesce(title, '') || ' ' || coalesce(filename, '') || ' ' || coalesce(alt, '') || ' '
             || coalesce(caption, '')))) as word
    union all
    select prefix || 't' || letter || coalesce(lead(letter) over following, '')
           || coalesce(lead(letter, 2) over following, '')
      from unnest(array[lower(title), lower(filename), lower(alt), lower(caption)])
             with ordinality as field (content, number),
           string_to_table(content, null) with ordinality as each (letter, place)
    window following as (partition by number order by place)));
end $$;
comment on function search_keys is
  'the keys of a file in the index media_searched. Each begins with the last 12 characters of the '
  'organization''s id. Then comes w and the stem of a word of the four texts (a long one''s md5, because a '
  'key''s length is limited), or t and three letters from any place of a text on, fewer at its end, so that '
  'every part of a text begins a key. The cost keeps the planner from computing the keys row by row';
grant execute on function search_keys(uuid, text, text, text, text) to vitrine_app, vitrine_worker;

-- Without fastupdate, because one writer would then wait for the entries of all the others.
create index media_searched on media using gin (search_keys(organization_id, title, filename, alt, caption))
  with (fastupdate = off)
  where status = 'active' and type <> 'folder' and verified_at is not null;

create table folder_paths (
  organization_id uuid  not null,
  folder_id       uuid  not null primary key,
  path            ltree not null check (nlevel(path) between 2 and 33),
  foreign key (organization_id, folder_id) references media (organization_id, id) on delete cascade
);
-- A label has 32 digits, so what is below a.b lies between a.b and a.b0: a range of a plain index, which is
-- written at half the cost of a gist index.
create index folder_paths_by_path on folder_paths (path);
select tenant_table('folder_paths');
grant select, insert, update on folder_paths to vitrine_app, vitrine_worker;
comment on table folder_paths is
  'one row for each folder, deleted or not, and for nothing else. A move writes these rows anew, which are '
  'small and in two indexes; rows of media are wide and in many';
comment on column folder_paths.path is
  'collection.folder...this; a file''s path is composed when shown, so a move changes folders alone';


-- Versions and their frames.

create table versions (
  organization_id        uuid             not null,
  id                     uuid             not null primary key,
  media_id               uuid             not null,
  number                 integer          not null check (number >= 1),
  type                   text             not null default 'image' check (type in ('image', 'video', 'pdf')),
  status                 text             not null default 'active' check (status in ('active', 'deleted')),
  deletion_id            uuid,
  upload_id              uuid             unique,
  link_token             text             not null default encode(gen_random_bytes(16), 'hex')
                                          check (length(link_token) >= 22),
  key                    text,
  external_url           text,
  filename               text             not null check (length(filename) between 1 and 255),
  mime_type              text             not null,
  size_bytes             bigint           not null check (size_bytes > 0),
  stored_bytes           bigint           not null check (stored_bytes >= 0),
  checksum               text,
  sha256                 bytea            check (length(sha256) = 32),
  phash                  bit(64),
  width                  integer          check (width > 0),
  height                 integer          check (height > 0),
  duration               double precision check (duration >= 0),
  placeholder            bytea,
  colors                 text[]           not null default '{}' check (cardinality(colors) <= 16),
  codec                  text             check (length(codec) between 1 and 32),
  frame_rate             double precision check (frame_rate > 0),
  exif                   jsonb,
  taken_at               timestamptz,
  taken_zone             text,
  moderation             jsonb,
  processing             text             not null default 'pending'
                                          check (processing in ('pending', 'ready', 'failed')),
  processing_reason      text,
  generation             integer          not null default 0 check (generation >= 0),
  last_generation        integer          not null default 0 check (last_generation >= generation),
  reprocess_requested_at timestamptz,
  reprocess_failure      text,
  verified_at            timestamptz,
  created_at             timestamptz      not null default now(),
  created_by             uuid             not null,
  updated_at             timestamptz      not null default now(),
  unique (organization_id, id),
  unique (organization_id, media_id, id),
  unique (organization_id, media_id, number),
  foreign key (organization_id, media_id) references media (organization_id, id) on delete cascade,
  foreign key (organization_id, deletion_id) references deletions (organization_id, id),
  check ((status = 'deleted') = (deletion_id is not null)),
  check ((key is null) = (external_url is not null)),
  check (external_url is null or stored_bytes = 0),
  check ((processing = 'failed') = (processing_reason is not null)),
  check (reprocess_requested_at is null or key is not null),
  check (reprocess_requested_at is null or processing <> 'failed'),
  check (reprocess_failure is null or processing = 'ready')
);
create index versions_pending on versions (created_at) where processing = 'pending';
create index versions_same_bytes on versions (organization_id, sha256) where sha256 is not null;
create index versions_of_deletion on versions (organization_id, deletion_id) where deletion_id is not null;
create index versions_to_reprocess on versions (id) where reprocess_requested_at is not null;
select tenant_table('versions');
grant select, insert, update, delete on versions to vitrine_app, vitrine_worker;
comment on table  versions is 'the bytes of a file; the first version has its item''s own id';
comment on column versions.type is 'the type of its bytes; an item has the type of its active version';
comment on column versions.link_token is
  'of this version alone: the link of the item leads to the active version only';
comment on column versions.size_bytes is
  'as shown: for an external URL the declared size, while stored_bytes is 0';
comment on column versions.checksum is 'of the whole object, as the store reports it: ALGORITHM:base64';
comment on column versions.phash is 'perceptual hash; compared by Hamming distance';
comment on column versions.colors is 'dominant colours, #rrggbb, the most common first';
comment on column versions.codec is 'of a video, by FFmpeg''s name';
comment on column versions.frame_rate is 'frames per second, of a video';
comment on column versions.exif is 'fields of camera and lens; the location only where the setting allows it';
comment on column versions.generation is 'the generation of derived objects that is shown; 0: none yet';
comment on column versions.last_generation is
  'the highest generation of any attempt; each attempt writes under a generation of its own';
comment on column versions.reprocess_requested_at is 'when new frames were requested; null: they are not';
comment on column versions.reprocess_failure is
  'why reprocessing failed, in which case the earlier frames stay; null: it did not';

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
select tenant_table('frames');
grant select, insert, update, delete on frames to vitrine_app, vitrine_worker;
comment on table  frames is
  'pictures of a version: one for a still, several for a video; reprocessing keeps the id of each (version, '
  'ordinal)';
comment on column frames.at_seconds is 'seconds from the start; 0 for stills';


-- Results of analysis.

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
select tenant_table('captions');
grant select, insert, update, delete on captions to vitrine_app, vitrine_worker;

create table clusters (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  type            text        not null check (type in ('object', 'face', 'text', 'frame')),
  label           text,
  created_at      timestamptz not null default now(),
  unique (organization_id, id)
);
select tenant_table('clusters');
grant select, insert, update, delete on clusters to vitrine_app, vitrine_worker;

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
select tenant_table('detections');
grant select, insert, update, delete on detections to vitrine_app, vitrine_worker;
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
  foreign key (organization_id, media_id, version_id)
    references versions (organization_id, media_id, id) on delete cascade,
  foreign key (organization_id, frame_id) references frames (organization_id, id) on delete cascade,
  foreign key (organization_id, detection_id) references detections (organization_id, id) on delete cascade
);
create unique index embeddings_one_each on embeddings (organization_id, model, frame_id, detection_id)
  nulls not distinct;
create index embeddings_of_version on embeddings (organization_id, version_id);
create index embeddings_of_frame on embeddings (organization_id, frame_id);
create index embeddings_of_detection on embeddings (organization_id, detection_id)
  where detection_id is not null;
select tenant_table('embeddings');
grant select, insert, update, delete on embeddings to vitrine_app, vitrine_worker;
comment on table embeddings is
  'one partial expression HNSW index per model; the migration that adds a model creates it';


-- Pictures of a collection that look the same. They are compared once, when a picture is processed.

create table perceptual_hashes (
  organization_id uuid   not null,
  version_id      uuid   not null,
  media_id        uuid   not null,
  collection_id   uuid   not null,
  type            text   not null check (type in ('image', 'video', 'pdf')),
  sha256          bytea  check (length(sha256) = 32),
  hash            bigint not null,
  primary key (organization_id, version_id),
  foreign key (organization_id, version_id) references versions (organization_id, id) on delete cascade
);
-- All columns of a comparison: it reads the index alone.
create index perceptual_hashes_compared on perceptual_hashes (organization_id, collection_id, type)
  include (hash, version_id, media_id, sha256);
select tenant_table('perceptual_hashes');
grant select, insert, delete on perceptual_hashes to vitrine_app;
grant select                 on perceptual_hashes to vitrine_worker;
comment on table perceptual_hashes is
  'the hash of each version beside its collection: rows are narrow and never updated, so that a new one is '
  'compared with all others of its collection in one statement';
comment on column perceptual_hashes.collection_id is 'its item''s collection, which never changes';
comment on column perceptual_hashes.hash is
  'versions.phash; the distance of two is the number of bits that differ';
comment on column perceptual_hashes.sha256 is
  'versions.sha256; two versions of the same bytes are no likeness';

create table likenesses (
  organization_id  uuid     not null,
  version_id       uuid     not null,
  earlier_id       uuid     not null,
  collection_id    uuid     not null,
  media_id         uuid     not null,
  earlier_media_id uuid     not null,
  distance         smallint not null check (distance between 0 and 16),
  primary key (organization_id, version_id, earlier_id),
  foreign key (organization_id, version_id)
    references perceptual_hashes (organization_id, version_id) on delete cascade,
  foreign key (organization_id, earlier_id)
    references perceptual_hashes (organization_id, version_id) on delete cascade,
  check (earlier_id <> version_id)
);
create index likenesses_of_earlier on likenesses (organization_id, earlier_id, version_id);
create index likenesses_in_order on likenesses (organization_id, collection_id, earlier_id)
  include (earlier_media_id, distance);
select tenant_table('likenesses');
grant select, insert, delete on likenesses to vitrine_app;
grant select                 on likenesses to vitrine_worker;
comment on table likenesses is
  'two versions of different items of a collection that look the same, deleted or not; for each version, '
  'when it is processed, the nearest ones only';
comment on column likenesses.earlier_id is 'the version whose upload began first: ids are ordered by time';
comment on column likenesses.distance is 'bits that differ';


-- Tags.

create table tags (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  "group"         text        not null check (length("group") between 1 and 255),
  name            text        not null check (length(name) between 1 and 255),
  name_key        text,
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
  check ((slug is not null) = ("group" = 'tags')),
  check (name_key is null or "group" = 'tags')
);
create index tags_by_name_key on tags (organization_id, name_key) where "group" = 'tags';
select tenant_table('tags');
grant select, insert, update, delete on tags to vitrine_app, vitrine_worker;
comment on table  tags is
  'the one store of tags: Studio shows all groups, v1 the group `tags`, the only one with slugs';
comment on column tags.name_key is
  'names of v1''s tags are compared by it: NFC, case folded, each run of white space, - and _ one space. '
  'The code makes it, because the database has no such case folding. Null in an older row with a name '
  'beyond printable ASCII, which is compared by its name';

create table media_tags (
  organization_id uuid        not null,
  collection_id   uuid        not null,
  media_id        uuid        not null,
  tag_id          uuid        not null,
  created_at      timestamptz not null default now(),
  created_by      uuid,
  primary key (organization_id, media_id, tag_id),
  foreign key (organization_id, collection_id, media_id)
    references media (organization_id, collection_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references tags (organization_id, id) on delete cascade
);
create index media_tags_of_tag on media_tags (organization_id, tag_id, media_id);
create index media_tags_of_collection on media_tags (organization_id, collection_id, tag_id, media_id);
select tenant_table('media_tags');
grant select, insert, update, delete on media_tags to vitrine_app, vitrine_worker;
comment on column media_tags.collection_id is
  'a copy of the item''s collection, which never changes: one index lists the tags of a collection, however '
  'many items of other collections have them. A trigger sets it';

create function set_media_tag_collection() returns trigger
  language plpgsql set search_path = public, pg_temp
as $$
begin
  -- The given value stays where the item is not visible, for the foreign key to reject.
  new.collection_id := coalesce(
    (select media.collection_id from media where media.organization_id = new.organization_id
        and media.id = new.media_id),
    new.collection_id);
  return new;
end $$;
comment on function set_media_tag_collection is 'a new row of media_tags gets the collection of its item';

create trigger set_media_tag_collection before insert on media_tags
  for each row execute function set_media_tag_collection();
