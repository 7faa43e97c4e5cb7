-- Brings a database of the last unreleased version to the schema of 0001 to 0006. It runs once, instead of
-- them, where 0027_accounts.sql of that version was applied (layers/core/vitrine/migrations.py). The
-- functions of 0007 and later are then created as in a new database. To be deleted with the release after v0.1.0.

alter default privileges revoke execute on functions from public;

do $$
declare
  obsolete regprocedure;
begin
  for obsolete in
    select p.oid::regprocedure
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       -- Tables depend on these three.
       and p.proname not in ('opened_organizations', 'search_keys', 'place_tagged')
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('drop function %s', obsolete);
  end loop;
end $$;
drop type shown_api_key;

create function tenant_table(tenant_table regclass) returns void
  language plpgsql volatile set search_path = public, pg_temp
as $$
begin
  execute format('alter table %s enable row level security', tenant_table);
  execute format(
    'create policy one_tenant on %s to vitrine_app
       using (organization_id = any ((select opened_organizations())::uuid[]))
       with check (organization_id = any ((select opened_organizations())::uuid[]))', tenant_table);
  execute format(
    'create policy every_tenant on %s to vitrine_worker using (true) with check (true)', tenant_table);
end $$;

alter function place_tagged() rename to set_media_tag_collection;
alter trigger place_tagged on media_tags rename to set_media_tag_collection;

alter table media rename constraint media_check1 to media_check;
alter table media rename constraint media_check2 to media_check1;
alter table media rename constraint media_check3 to media_check2;
alter table media rename constraint media_check4 to media_check3;

alter index versions_asked_again rename to versions_to_reprocess;

-- States and columns of objects.
drop index objects_to_settle, objects_of_purge;
alter table objects drop constraint objects_state_check;
alter table objects rename column hold_until to keep_until;
update objects set state = 'deleting' where state = 'doomed';
alter table objects add constraint objects_state_check check (state in ('planned', 'live', 'deleting'));
create index objects_unfinished on objects (state, updated_at, key) where state in ('planned', 'deleting');
create index objects_of_purge on objects (organization_id, reason, key) where state = 'deleting';
