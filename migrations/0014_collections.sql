-- Collections that are deleted, restored and purged, and the purge of all trash.

create or replace function organization_of(item_kind text, item_id uuid, item_key text) returns uuid
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case item_kind
    when 'organization'   then (select o.id from organizations o where o.id = item_id and o.deleted_at is null)
    when 'collection'     then coalesce((select c.organization_id from collections c where c.id = item_id),
                                        (select d.organization_id from deletions d
                                          where d.root_id = item_id and d.state in ('purging', 'purged') and d.kind = 'collection' limit 1))
    when 'media'          then coalesce((select m.organization_id from media m where m.id = item_id),
                                        (select v.organization_id from versions v where v.id = item_id),
                                        (select d.organization_id from deletions d
                                          where d.root_id = item_id and d.state in ('purging', 'purged') and d.kind <> 'collection' limit 1))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end
$$;

-- What a purge looks for, and what the database looks for when rows go that others refer to.
create index objects_of_purge on objects (organization_id, reason, key) where state = 'doomed';
create index uploads_of_collection on uploads (organization_id, collection_id);
create index embeddings_of_frame on embeddings (organization_id, frame_id);
create index embeddings_of_detection on embeddings (organization_id, detection_id) where detection_id is not null;
create index collections_of_deletion on collections (organization_id, deletion_id) where deletion_id is not null;
