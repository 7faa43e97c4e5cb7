-- Functions: permanent links, folders and search. All read past the policies, for two reasons.
--
-- link_target and upload_by_key find the organization: a link and an event of the store do not name it.
-- subtree, folder_summary and matching_files use operators that are not leakproof (comparisons of ltree, @@),
-- which cannot use an index under a policy. They show only rows of the organization that the transaction has
-- opened.

create function link_target(media_id uuid, token text)
  returns table (organization_id uuid, name text, filename text, mime_type text, processing text, key text,
                 external_url text, frame_key text, frame_mime_type text, thumbnail_key text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.organization_id, m.name, m.filename, m.mime_type, m.processing, v.key, v.external_url,
         f.key, f.mime_type, f.thumbnail_key
    from media m
    join collections c on c.organization_id = m.organization_id and c.id = m.collection_id
                      and c.status = 'active'
    join versions v on v.organization_id = m.organization_id and v.id = m.active_version_id
    left join frames f on f.organization_id = v.organization_id and f.version_id = v.id and f.ordinal = 0
   where m.id = link_target.media_id
     and m.link_token = link_target.token
     and m.status = 'active'
     and m.verified_at is not null
     and coalesce(m.moderation ->> 'status', '') <> 'blocked'
  union all
  select m.organization_id, m.name, v.filename, v.mime_type, v.processing, v.key, v.external_url,
         f.key, f.mime_type, f.thumbnail_key
    from versions v
    join media m on m.organization_id = v.organization_id and m.id = v.media_id and m.status = 'active'
    join collections c on c.organization_id = m.organization_id and c.id = m.collection_id
                      and c.status = 'active'
    left join frames f on f.organization_id = v.organization_id and f.version_id = v.id and f.ordinal = 0
   where v.id = link_target.media_id
     and v.link_token = link_target.token
     and v.status = 'active'
     and v.verified_at is not null
     and coalesce(v.moderation ->> 'status', '') <> 'blocked'
     and (v.id <> m.active_version_id or coalesce(m.moderation ->> 'status', '') <> 'blocked')
$$;
comment on function link_target is
  'the target of a permanent link: an item''s link leads to its active version, a version''s to that '
  'version. No row: deleted, blocked, not yet verified, or no such link';

create function upload_by_key(store_key text)
  returns table (organization_id uuid, upload_id uuid)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select p.organization_id, p.id from uploads p where p.key = store_key
$$;
comment on function upload_by_key is
  'the upload of an object that an event of the store names, and the organization for the consumer to open';

grant execute on function link_target(uuid, text), upload_by_key(text) to vitrine_app;


create function subtree(root uuid)
  returns table (id uuid, path ltree)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select below.folder_id, below.path
    from folder_paths top
    join folder_paths below on below.path >= top.path and below.path < text2ltree(top.path::text || '0')
                           and below.organization_id = top.organization_id
   where top.folder_id = root
     and top.organization_id = any (opened_organizations())
$$;
comment on function subtree is
  'a folder of the opened organization and the folders below it, deleted or not. Comparing paths is not '
  'leakproof';

create function folder_summary(folder uuid)
  returns table (items bigint, thumbnails text[])
  language sql stable strict security definer set search_path = public, pg_temp rows 1
as $$
  with below as materialized (
    -- Counts are read folder by folder: a join would read those of all tenants for a handful of folders.
    select below.organization_id, below.folder_id as id, nlevel(below.path) as depth,
           coalesce((select sum(folded.items)
                       from counts folded
                      where folded.organization_id = below.organization_id
                        and folded.place_id = below.folder_id
                        and folded.type in ('image', 'video')), 0)
         + coalesce((select sum(entry.delta)
                       from count_ledger entry
                      where entry.organization_id = below.organization_id and entry.place_id = below.folder_id
                        and entry.type in ('image', 'video') and not entry.folded), 0) as items
      from folder_paths top
      join folder_paths below on below.path >= top.path and below.path < text2ltree(top.path::text || '0')
                             and below.organization_id = top.organization_id
     where top.folder_id = folder_summary.folder
       and top.organization_id = any (opened_organizations())
  ), near as (
    -- A deleted folder has no items, so none is among these.
    select organization_id, id from below where items > 0 order by depth, id desc limit 100
  )
  select (select coalesce(sum(items), 0) from below)::bigint,
         array(select frame.thumbnail_key
                 from (select newest.*
                         from near
                        cross join lateral (
                              select media.organization_id, media.active_version_id, media.created_at,
                                     media.id
                                from media
                               where media.organization_id = near.organization_id
                                 and media.place_id = near.id
                                 and media.status = 'active'
                                 and media.processing = 'ready'
                                 and media.type in ('image', 'video')
                                 and coalesce(media.moderation ->> 'status', '') <> 'blocked'
                               order by media.created_at desc, media.id desc
                               limit 4) as newest
                        order by newest.created_at desc, newest.id desc
                        limit 4) as shown
                cross join lateral (
                      select thumbnail_key
                        from frames
                       where organization_id = shown.organization_id
                         and version_id = shown.active_version_id
                         and ordinal = 0
                       limit 1) as frame
                order by shown.created_at desc, shown.id desc)
$$;
comment on function folder_summary is
  'of a folder of the opened organization: the number of active, verified images and videos in it at any '
  'depth, by the counts of the folders below it; and the thumbnails of the newest four, from the 100 '
  'nearest folders that contain any, itself included. A null folder gives no row';

grant execute on function subtree(uuid), folder_summary(uuid) to vitrine_app, vitrine_worker;


create function matching_files(search text)
  returns table (id uuid, type text, created_at timestamptz, filename text, size_bytes bigint)
  language plpgsql stable security definer set search_path = public, pg_temp
as $$
declare
  organization uuid    := (opened_organizations())[1];
  prefix       text    := right(organization::text, 12);
  lowered      text    := lower(search);
  words        tsquery;
  letters      tsquery;
begin
  -- As plainto_tsquery: all words must be found, anywhere. A search for stop words alone leaves none and
  -- matches nothing.
  select string_agg(lexeme, ' & ')::tsquery
    into words
    from unnest(tsvector_to_array(to_tsvector('english', search))) as word,
         concat(prefix, 'w', case when octet_length(word) > 200 then md5(word) else word end) as key,
         concat('''', replace(replace(key, '\', '\\'), '''', ''''''), '''') as lexeme;
  select (string_agg(distinct lexeme, ' & ') || case when length(lowered) < 3 then ':*' else '' end)::tsquery
    into letters
    from generate_series(1, greatest(length(lowered) - 2, 1)) as place,
         concat(prefix, 't', substr(lowered, place, 3)) as key,
         concat('''', replace(replace(key, '\', '\\'), '''', ''''''), '''') as lexeme;

  -- Two scans of the index and not one with "or", which would compute the keys again for each row. `execute`
  -- plans the query for these values.
  return query execute $query$
    select id, type, created_at, filename, size_bytes
      from media
     where organization_id = $1
       and status = 'active'
       and type <> 'folder'
       and verified_at is not null
       and search_keys(organization_id, title, filename, alt, caption) @@ $2
    union
    select id, type, created_at, filename, size_bytes
      from media
     where organization_id = $1
       and status = 'active'
       and type <> 'folder'
       and verified_at is not null
       and search_keys(organization_id, title, filename, alt, caption) @@ $3
       and (strpos(lower(title), $4) > 0 or strpos(lower(filename), $4) > 0
         or strpos(lower(alt), $4) > 0 or strpos(lower(caption), $4) > 0)
  $query$ using organization, words, letters, lowered;
end $$;
comment on function matching_files is
  'the verified files of the opened organization that match a search: all its words, in any form, in title, '
  'filename, alt and caption together, or the whole search as a part of one of them, in any case. With the '
  'columns that lists sort by. @@ is not leakproof';

grant execute on function matching_files(text) to vitrine_app, vitrine_worker;
