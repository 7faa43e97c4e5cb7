-- Every text that came from outside is in Unicode's form NFC from here on: what is written already is composed here, whatever comes is composed before
-- it is written. And what decides whether two things are one: an e-mail address as it is written, a v1 tag's name by a key of its own.
--
-- A text that would outgrow its column's limit by being composed stays as it is: some letters are longer in NFC, and nothing is cut.

create function pg_temp.composed(text, most integer) returns text
  language sql immutable
as $$
  select case when length(normalize($1)) <= most then normalize($1) else $1 end
$$;

create function pg_temp.composed(jsonb) returns jsonb
  language plpgsql immutable
as $$
begin
  case jsonb_typeof($1)
    when 'string' then
      return to_jsonb(normalize($1 #>> '{}'));
    when 'array' then
      return (select coalesce(jsonb_agg(pg_temp.composed(element) order by place), '[]')
                from jsonb_array_elements($1) with ordinality as each (element, place));
    when 'object' then
      -- Of two names that become the same one is kept with a suffix: both values stay.
      return (select coalesce(jsonb_object_agg(case when number = 1 then name else name || ' ' || left(md5(key), 8) end, pg_temp.composed(value)), '{}')
                from (select key, value, normalize(key) as name,
                             row_number() over (partition by normalize(key) order by key is nfc normalized desc, key collate "C") as number
                        from jsonb_each($1)) as each);
    else
      return $1;
  end case;
end $$;


-- Names, titles and metadata.

update users         set name = pg_temp.composed(name, 255) where name is not nfc normalized;
update organizations set name = pg_temp.composed(name, 100) where name is not nfc normalized;
update api_keys      set name = pg_temp.composed(name, 100) where name is not nfc normalized;

update collections
   set name = pg_temp.composed(name, 255), icon = pg_temp.composed(icon, 255), row_version = row_version + 1
 where concat_ws(' ', name, icon) is not nfc normalized;

update media
   set name = pg_temp.composed(name, 255), title = pg_temp.composed(title, 255), alt = pg_temp.composed(alt, 500),
       caption = pg_temp.composed(caption, 1000), filename = pg_temp.composed(filename, 255), description = normalize(description),
       metadata = pg_temp.composed(metadata), row_version = row_version + 1
 where concat_ws(' ', name, title, alt, caption, filename, description, metadata) is not nfc normalized;

update versions
   set filename = pg_temp.composed(filename, 255), exif = pg_temp.composed(exif)
 where concat_ws(' ', filename, exif) is not nfc normalized;

update uploads
   set name = pg_temp.composed(name, 255), filename = pg_temp.composed(filename, 255), title = pg_temp.composed(title, 255),
       alt = pg_temp.composed(alt, 500), caption = pg_temp.composed(caption, 1000)
 where concat_ws(' ', name, filename, title, alt, caption) is not nfc normalized;

update frames     set text  = normalize(text)  where text  is not nfc normalized;
update captions   set text  = normalize(text)  where text  is not nfc normalized;
update clusters   set label = normalize(label) where label is not nfc normalized;
update detections set label = normalize(label) where label is not nfc normalized;


-- Tags. Two that become the same are one from here on: the items of both have it, and what only the other says of itself it says too.

create temporary table same_tags on commit drop as
select organization_id, id, first_value(id) over same as kept
  from tags
window same as (
       partition by organization_id, pg_temp.composed("group", 255), pg_temp.composed(name, 255)
       order by name is nfc normalized and "group" is nfc normalized desc, created_at, id);

insert into media_tags (organization_id, media_id, tag_id, created_at, created_by)
select media_tags.organization_id, media_tags.media_id, same.kept, media_tags.created_at, media_tags.created_by
  from same_tags same
  join media_tags on media_tags.organization_id = same.organization_id and media_tags.tag_id = same.id
 where same.kept <> same.id
    on conflict (organization_id, media_id, tag_id) do nothing;

update tags tag
   set description = coalesce(tag.description, others.description), icon = coalesce(tag.icon, others.icon),
       color = coalesce(tag.color, others.color), is_active = tag.is_active or others.is_active
  from (select same.kept, max(other.description) as description, max(other.icon) as icon, max(other.color) as color, bool_or(other.is_active) as is_active
          from same_tags same
          join tags other on other.id = same.id
         where same.kept <> same.id
         group by same.kept) as others
 where tag.id = others.kept;

delete from tags using same_tags same where tags.id = same.id and same.kept <> same.id;

update tags
   set "group" = pg_temp.composed("group", 255), name = pg_temp.composed(name, 255), description = normalize(description),
       icon = normalize(icon), color = normalize(color)
 where concat_ws(' ', "group", name, description, icon, color) is not nfc normalized;

alter table tags
  add column name_key text,
  add check (name_key is null or "group" = 'tags');
comment on column tags.name_key is
  'what the names of v1''s tags are compared by: composed, folded in case, each run of white space, - and _ one space. Worked out by the code, whose '
  'folding the database has not; null in a row that was older and not of printable ASCII alone: its name is compared instead';

update tags
   set name_key = regexp_replace(btrim(lower(name collate "C")), '[ _-]+', ' ', 'g')
 where "group" = 'tags'
   and name ~ '^[ -~]*$';

create index tags_by_name_key on tags (organization_id, name_key) where "group" = 'tags';


-- E-mail addresses: written as they are compared, composed and with the letters a to z small, and compared byte by byte. citext folds as the
-- database's locale does, which nobody else can repeat: U+0130 is an i to some and not to others, and to Python two code points.

update users
   set email = folded.address
  from (select id,
               case when row_number() over same = 1 then address
                    else regexp_replace(address, '@', '+' || right(replace(id::text, '-', ''), 12) || '@') end as address   -- two people: both stay
          from (select id, email, created_at, lower(normalize(email::text) collate "C") as address from users) as each
        window same as (partition by address order by email::text = address desc, created_at, id)) as folded
 where users.id = folded.id
   and users.email::text is distinct from folded.address;

alter table users
  alter column email type text collate "C",
  add check (email = lower(email collate "C"));

update invitations
   set status = 'canceled'
  from (select id,
               row_number() over (partition by organization_id, lower(normalize(email::text) collate "C") order by created_at desc, id desc) as number
          from invitations
         where status = 'pending') as pending
 where invitations.id = pending.id
   and pending.number > 1;       -- as when an address is invited again

alter table invitations
  alter column email type text collate "C" using lower(normalize(email::text) collate "C"),
  add check (email = lower(email collate "C"));

drop function pg_temp.composed(text, integer), pg_temp.composed(jsonb);
