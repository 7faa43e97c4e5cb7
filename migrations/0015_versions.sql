-- Versions: each knows its type and has a link of its own; an item knows whether somebody selected the one it shows.

alter table media add column version_selected boolean not null default false;
comment on column media.version_selected is 'somebody selected the active version: newer ones do not take its place';

alter table versions
  add column type       text not null default 'image' check (type in ('image', 'video', 'pdf')),
  add column link_token text not null default encode(gen_random_bytes(16), 'hex') check (length(link_token) >= 22);
comment on column versions.type is 'as its bytes are; what the item shows of its active version';
comment on column versions.link_token is 'of this version alone: who has the item''s link sees no version but the active one';

update versions
   set type = media.type
  from media
 where media.organization_id = versions.organization_id
   and media.id = versions.media_id
   and media.type <> 'image';

create or replace function link_target(media_id uuid, token text)
  returns table (organization_id uuid, name text, filename text, mime_type text, processing text, key text, external_url text, frame_key text, frame_mime_type text, thumbnail_key text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.organization_id, m.name, m.filename, m.mime_type, m.processing, v.key, v.external_url, f.key, f.mime_type, f.thumbnail_key
    from media m
    join collections c on c.organization_id = m.organization_id and c.id = m.collection_id and c.status = 'active'
    join versions v on v.organization_id = m.organization_id and v.id = m.active_version_id
    left join frames f on f.organization_id = v.organization_id and f.version_id = v.id and f.ordinal = 0
   where m.id = link_target.media_id
     and m.link_token = link_target.token
     and m.status = 'active'
     and m.verified_at is not null
     and coalesce(m.moderation ->> 'status', '') <> 'blocked'
  union all
  select m.organization_id, m.name, v.filename, v.mime_type, v.processing, v.key, v.external_url, f.key, f.mime_type, f.thumbnail_key
    from versions v
    join media m on m.organization_id = v.organization_id and m.id = v.media_id and m.status = 'active'
    join collections c on c.organization_id = m.organization_id and c.id = m.collection_id and c.status = 'active'
    left join frames f on f.organization_id = v.organization_id and f.version_id = v.id and f.ordinal = 0
   where v.id = link_target.media_id
     and v.link_token = link_target.token
     and v.status = 'active'
     and v.verified_at is not null
     and coalesce(v.moderation ->> 'status', '') <> 'blocked'
     and (v.id <> m.active_version_id or coalesce(m.moderation ->> 'status', '') <> 'blocked')
$$;
comment on function link_target is
  'what a permanent link leads to, an item''s to its active version, a version''s to that one; no row: deleted, blocked, not yet verified, or no such link';
