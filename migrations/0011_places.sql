-- Where folders lie, found by an index that is cheap to keep while they move; and what a folder tells of its inside.

-- A label is 32 digits, so what lies below a.b stands between a.b and a.b0: a range of a plain index. Rows of it come folder by folder, and writing
-- them costs half of what it does in a gist index, which a move pays for every folder.
create index media_folders_by_path on media (path) where type = 'folder';
drop index media_folders_below;

create or replace function subtree(root uuid)
  returns table (id uuid, path ltree)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select below.id, below.path
    from media top
    join media below on below.path >= top.path and below.path < text2ltree(top.path::text || '0')
                    and below.type = 'folder' and below.organization_id = top.organization_id
   where top.id = root
     and top.type = 'folder'
     and top.organization_id = any (opened_organizations())
$$;
comment on function subtree is
  'a folder and the folders below it, any status, of the opened organization: comparing paths is not leakproof, so it finds no index under a policy';


create index media_previews on media (organization_id, place_id, created_at desc, id desc)
  where status = 'active' and processing = 'ready' and type in ('image', 'video');
comment on index media_previews is 'the newest pictures of a place, whatever else lies there: a folder of folders is not searched for them';

create function folder_inside(folder uuid)
  returns table (items bigint, thumbnails text[])
  language sql stable strict security definer set search_path = public, pg_temp rows 1
as $$
  with below as materialized (
    select below.organization_id, below.id, nlevel(below.path) as depth
      from media top
      join media below on below.path >= top.path and below.path < text2ltree(top.path::text || '0')
                      and below.type = 'folder' and below.status = 'active' and below.organization_id = top.organization_id
     where top.id = folder_inside.folder
       and top.type = 'folder'
       and top.organization_id = any (opened_organizations())
  ), near as (
    select organization_id, id from below order by depth, id desc limit 100
  )
  select (select coalesce(sum(                        -- folder by folder: joined, the counts of all tenants would be read for a handful of folders
                   coalesce((select sum(kept.items)
                               from counts kept
                              where kept.organization_id = below.organization_id and kept.place_id = below.id and kept.type in ('image', 'video')), 0)
                 + coalesce((select sum(entry.delta)
                               from count_ledger entry
                              where entry.organization_id = below.organization_id and entry.place_id = below.id
                                and entry.type in ('image', 'video') and not entry.folded), 0)), 0)
            from below)::bigint,
         array(select frame.thumbnail_key
                 from (select newest.*
                         from near
                        cross join lateral (
                              select media.organization_id, media.active_version_id, media.created_at, media.id
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
                       where organization_id = shown.organization_id and version_id = shown.active_version_id and ordinal = 0
                       limit 1) as frame
                order by shown.created_at desc, shown.id desc)
$$;
comment on function folder_inside is
  'of a folder of the opened organization: how many active, verified images and videos lie in it at any depth, from the kept counts of the folders '
  'below it; and the thumbnails of the newest four, sought in it and in the 100 folders nearest below it. Null: one row less, and no work';

revoke execute on function folder_inside(uuid) from public;
grant execute on function folder_inside(uuid) to vitrine_app, vitrine_worker;
