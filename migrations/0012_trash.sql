-- The trash: an act is found by what it took, also once that is gone for good.

create index deletions_by_root on deletions (root_id);
create index versions_of_deletion on versions (organization_id, deletion_id) where deletion_id is not null;

create or replace function organization_of(item_kind text, item_id uuid, item_key text) returns uuid
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case item_kind
    when 'organization'   then (select o.id from organizations o where o.id = item_id and o.deleted_at is null)
    when 'collection'     then (select c.organization_id from collections c where c.id = item_id)
    when 'media'          then coalesce((select m.organization_id from media m where m.id = item_id),
                                        (select v.organization_id from versions v where v.id = item_id),
                                        (select d.organization_id from deletions d where d.root_id = item_id and d.state = 'purged' limit 1))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end
$$;
