-- Which tags the items of a collection have, from one index, however many items other collections have under the same tags. An item never leaves
-- its collection, so a copy of where it is cannot grow old; the foreign key holds it to the item's own.

alter table media_tags add column collection_id uuid;

update media_tags
   set collection_id = media.collection_id
  from media
 where media.organization_id = media_tags.organization_id
   and media.id = media_tags.media_id;

create function place_tagged() returns trigger
  language plpgsql set search_path = public, pg_temp
as $$
begin
  -- Of an item that cannot be seen, what was given stands, for the foreign key to refuse.
  new.collection_id := coalesce(
    (select media.collection_id from media where media.organization_id = new.organization_id and media.id = new.media_id), new.collection_id);
  return new;
end
$$;
comment on function place_tagged is 'an item''s tag knows the item''s collection, whoever gives it';
revoke execute on function place_tagged() from public;

create trigger place_tagged before insert on media_tags for each row execute function place_tagged();

alter table media_tags
  alter column collection_id set not null,
  add foreign key (organization_id, collection_id, media_id) references media (organization_id, collection_id, id) on delete cascade,
  drop constraint media_tags_organization_id_media_id_fkey;

create index media_tags_of_collection on media_tags (organization_id, collection_id, tag_id, media_id);
