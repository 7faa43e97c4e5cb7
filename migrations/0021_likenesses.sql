-- Which pictures of a collection look the same, found once, when a picture is processed.

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
comment on table perceptual_hashes is
  'what each version looks like, beside its collection: narrow and never updated, so that a new one is held against all others of its collection at once';
comment on column perceptual_hashes.collection_id is 'its item''s, which never leaves it';
comment on column perceptual_hashes.hash is 'versions.phash; looks are compared by how many bits differ';
comment on column perceptual_hashes.sha256 is 'versions.sha256; two of the same bytes are no likeness';
-- All that a comparison reads: the table itself is not looked at.
create index perceptual_hashes_compared on perceptual_hashes (organization_id, collection_id, type) include (hash, version_id, media_id, sha256);

create table likenesses (
  organization_id  uuid     not null,
  version_id       uuid     not null,
  earlier_id       uuid     not null,
  collection_id    uuid     not null,
  media_id         uuid     not null,
  earlier_media_id uuid     not null,
  distance         smallint not null check (distance between 0 and 16),
  primary key (organization_id, version_id, earlier_id),
  foreign key (organization_id, version_id) references perceptual_hashes (organization_id, version_id) on delete cascade,
  foreign key (organization_id, earlier_id) references perceptual_hashes (organization_id, version_id) on delete cascade,
  check (earlier_id <> version_id)
);
comment on table likenesses is
  'two versions of different items of a collection that look the same, whatever has become of them; of each, when it is processed, the nearest only';
comment on column likenesses.earlier_id is 'the one that was begun to be uploaded first: ids are by time';
comment on column likenesses.distance is 'bits that differ';
create index likenesses_of_earlier on likenesses (organization_id, earlier_id, version_id);
create index likenesses_in_order on likenesses (organization_id, collection_id, earlier_id) include (earlier_media_id, distance);

do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['perceptual_hashes', 'likenesses'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format(
      'create policy one_tenant on %I to vitrine_app
         using (organization_id = any ((select opened_organizations())::uuid[]))
         with check (organization_id = any ((select opened_organizations())::uuid[]))', tenant_table);
    execute format('create policy every_tenant on %I to vitrine_worker using (true) with check (true)', tenant_table);
  end loop;
end $$;
grant select, insert, delete on perceptual_hashes, likenesses to vitrine_app;
grant select                 on perceptual_hashes, likenesses to vitrine_worker;

-- The groups of a page come one after the other by subqueries that stop early, which the planner takes for millions of times dearer than they are;
-- compiling such a plan takes a second, and no statement of a function is long enough to win it back.
alter role vitrine_app set jit = off;

-- Items of one collection with the same bytes, by their bytes.
create index media_copies on media (organization_id, collection_id, sha256, active_version_id)
  where sha256 is not null and status = 'active' and verified_at is not null;
