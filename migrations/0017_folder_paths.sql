-- Where folders lie, in a table of their own: its rows are small and in two indexes, where those of media are wide and in eight, and a move writes
-- one of them anew for every folder that comes along.

create table folder_paths (
  organization_id uuid  not null,
  folder_id       uuid  not null primary key,
  path            ltree not null check (nlevel(path) between 2 and 33),
  foreign key (organization_id, folder_id) references media (organization_id, id) on delete cascade
);
comment on table  folder_paths is 'one row for each folder, deleted ones too, and for nothing else';
comment on column folder_paths.path is 'collection.folder...this; a file''s path is composed when shown, so a move rewrites folders alone';

alter table folder_paths enable row level security;
create policy one_tenant on folder_paths to vitrine_app
  using (organization_id = any ((select opened_organizations())::uuid[]))
  with check (organization_id = any ((select opened_organizations())::uuid[]));
create policy every_tenant on folder_paths to vitrine_worker using (true) with check (true);
grant select, insert, update on folder_paths to vitrine_app, vitrine_worker;

insert into folder_paths (organization_id, folder_id, path)
select organization_id, id, path
  from media
 where type = 'folder'
 order by path;

-- A label is 32 digits, so what lies below a.b stands between a.b and a.b0: a range of a plain index.
create index folder_paths_by_path on folder_paths (path);

alter table media drop column path;      -- and with it its checks and its index

create or replace function subtree(root uuid)
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

create or replace function folder_inside(folder uuid)
  returns table (items bigint, thumbnails text[])
  language sql stable strict security definer set search_path = public, pg_temp rows 1
as $$
  with below as materialized (                        -- folder by folder: joined, the counts of all tenants would be read for a handful of folders
    select below.organization_id, below.folder_id as id, nlevel(below.path) as depth,
           coalesce((select sum(kept.items)
                       from counts kept
                      where kept.organization_id = below.organization_id and kept.place_id = below.folder_id
                        and kept.type in ('image', 'video')), 0)
         + coalesce((select sum(entry.delta)
                       from count_ledger entry
                      where entry.organization_id = below.organization_id and entry.place_id = below.folder_id
                        and entry.type in ('image', 'video') and not entry.folded), 0) as items
      from folder_paths top
      join folder_paths below on below.path >= top.path and below.path < text2ltree(top.path::text || '0')
                             and below.organization_id = top.organization_id
     where top.folder_id = folder_inside.folder
       and top.organization_id = any (opened_organizations())
  ), near as (
    select organization_id, id from below where items > 0 order by depth, id desc limit 100      -- so none of those in the trash
  )
  select (select coalesce(sum(items), 0) from below)::bigint,
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
  'below it; and the thumbnails of the newest four, sought in the 100 folders nearest to it that hold any, itself included. Null: one row less, '
  'and no work';
