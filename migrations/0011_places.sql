-- What a folder tells of its inside: how many pictures and videos, and what the newest of them look like.

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
      join media below on below.path <@ top.path and below.type = 'folder' and below.status = 'active' and below.organization_id = top.organization_id
     where top.id = folder_inside.folder
       and top.type = 'folder'
       and top.organization_id = any (opened_organizations())
  ), near as (
    select organization_id, id from below order by depth, id desc limit 100
  )
  select ((select coalesce(sum(kept.items), 0)
             from below
             join counts kept on kept.organization_id = below.organization_id and kept.place_id = below.id and kept.type in ('image', 'video'))
        + (select coalesce(sum(entry.delta), 0)
             from below
             join count_ledger entry on entry.organization_id = below.organization_id and entry.place_id = below.id
                                    and entry.type in ('image', 'video') and not entry.folded))::bigint,
         array(select newest.thumbnail_key
                 from near
                cross join lateral (
                      select media.created_at, media.id, frame.thumbnail_key
                        from media
                        join frames frame on frame.organization_id = media.organization_id
                                         and frame.version_id = media.active_version_id and frame.ordinal = 0
                       where media.organization_id = near.organization_id
                         and media.place_id = near.id
                         and media.status = 'active'
                         and media.processing = 'ready'
                         and media.type in ('image', 'video')
                         and coalesce(media.moderation ->> 'status', '') <> 'blocked'
                       order by media.created_at desc, media.id desc
                       limit 4) as newest
                order by newest.created_at desc, newest.id desc
                limit 4)
$$;
comment on function folder_inside is
  'of a folder of the opened organization: how many active, verified images and videos lie in it at any depth, from the kept counts of the folders '
  'below it; and the thumbnails of the newest four, sought in it and in the 100 folders nearest below it. Null: one row less, and no work';

revoke execute on function folder_inside(uuid) from public;
grant execute on function folder_inside(uuid) to vitrine_app, vitrine_worker;
