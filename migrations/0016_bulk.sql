-- Acts of deletion that took several things at once; and sessions that only the password that was verified opens.

alter table deletions drop constraint deletions_kind_check;
alter table deletions add constraint deletions_kind_check check (kind in ('media', 'folder', 'version', 'collection', 'selection'));

create table deletion_roots (
  organization_id uuid not null,
  deletion_id     uuid not null,
  root_id         uuid not null,
  primary key (organization_id, deletion_id, root_id),
  foreign key (organization_id, deletion_id) references deletions (organization_id, id) on delete cascade
);
create index deletion_roots_by_root on deletion_roots (root_id);
comment on table deletion_roots is
  'what an act of kind selection was of, deletions.root_id among them; kept after the purge as deletions is. What lay in these went with them';

alter table deletion_roots enable row level security;
create policy one_tenant on deletion_roots to vitrine_app
  using (organization_id = any ((select opened_organizations())::uuid[]))
  with check (organization_id = any ((select opened_organizations())::uuid[]));
create policy every_tenant on deletion_roots to vitrine_worker using (true) with check (true);
grant select, insert on deletion_roots to vitrine_app;
grant select         on deletion_roots to vitrine_worker;

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
                                          where d.root_id = item_id and d.state in ('purging', 'purged') and d.kind <> 'collection' limit 1),
                                        (select d.organization_id from deletion_roots r join deletions d on d.id = r.deletion_id
                                          where r.root_id = item_id and d.state in ('purging', 'purged') limit 1))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end
$$;

create function open_session_by_password(
  id uuid, person uuid, known_hash text, token_hash bytea, life_seconds integer, ip_address text, user_agent text
) returns timestamptz
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  -- Whoever sets a new password holds the row until its other sessions are ended: this waits for that, and then finds another hash; or it is first,
  -- and its session is among those that are ended.
  perform from users u where u.id = person and u.password_hash = known_hash for share;
  return case when found then open_session(id, person, token_hash, life_seconds, ip_address, user_agent) end;
end $$;
comment on function open_session_by_password is
  'open_session, where the hash that a password was verified against is still the person''s. Null: it is not, and nothing was opened';
revoke execute on function open_session_by_password(uuid, uuid, text, bytea, integer, text, text) from public;
grant execute on function open_session_by_password(uuid, uuid, text, bytea, integer, text, text) to vitrine_app;
