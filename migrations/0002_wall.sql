-- The tenant wall: roles that own nothing, what each may touch, and the policies that show it one organization at a time.
--
-- vitrine_app     API functions and event consumers. Opens one organization per transaction (setting vitrine.organizations).
-- vitrine_worker  scheduled jobs and the operator's commands: the only one that crosses organizations.
-- The owner runs migrations and owns the definer functions of 0003.

do $$
declare
  needed text;
begin
  foreach needed in array array['vitrine_app', 'vitrine_worker'] loop
    begin
      execute format('create role %I login nosuperuser nobypassrls nocreatedb nocreaterole', needed);
    exception when duplicate_object or unique_violation then
      null;                                      -- roles belong to the cluster: another database of it was migrated before
    end;
  end loop;
end $$;

-- Of the role and not of the connection: a pooler drops start-up options. A frozen function must not hold a connection for ever.
alter role vitrine_app    set statement_timeout = '25s';
alter role vitrine_app    set idle_in_transaction_session_timeout = '30s';
alter role vitrine_app    set idle_session_timeout = '60s';
alter role vitrine_app    set lock_timeout = '10s';
alter role vitrine_worker set statement_timeout = '5min';
alter role vitrine_worker set idle_in_transaction_session_timeout = '60s';
alter role vitrine_worker set idle_session_timeout = '60s';
alter role vitrine_worker set lock_timeout = '30s';

grant usage on schema public to vitrine_app, vitrine_worker;

create function opened_organizations() returns uuid[]
  language sql stable parallel safe
  return (nullif(current_setting('vitrine.organizations', true), ''))::uuid[];
comment on function opened_organizations is 'what this transaction may see; the setting is empty, not null, after the first transaction of a connection';

do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array[
    'memberships', 'collections', 'media', 'versions', 'frames', 'captions', 'clusters', 'detections', 'embeddings', 'tags', 'media_tags',
    'deletions', 'uploads', 'objects', 'storage_ledger', 'storage_usage', 'count_ledger', 'counts', 'collection_counts',
    'idempotency_keys', 'outbox', 'audit_log', 'webhooks'
  ] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format(
      'create policy one_tenant on %I to vitrine_app
         using (organization_id = any ((select opened_organizations())::uuid[]))
         with check (organization_id = any ((select opened_organizations())::uuid[]))', tenant_table);
    execute format('create policy every_tenant on %I to vitrine_worker using (true) with check (true)', tenant_table);
  end loop;
end $$;

alter table organizations enable row level security;
create policy one_tenant   on organizations to vitrine_app using (id = any ((select opened_organizations())::uuid[]));
create policy every_tenant on organizations to vitrine_worker using (true);

-- No row of these has an organization: nobody is granted them, definer functions reach them. Policies stand all the same: a grant by mistake shows nothing.
alter table users        enable row level security;
alter table sessions     enable row level security;
alter table device_codes enable row level security;
alter table api_keys     enable row level security;
alter table rate_limits  enable row level security;

grant select                         on organizations, memberships to vitrine_app, vitrine_worker;
grant select, insert, update, delete on collections, media, versions, frames, captions, clusters, detections, embeddings, tags, media_tags,
                                        uploads, objects, idempotency_keys, outbox, webhooks                    to vitrine_app, vitrine_worker;
grant select, insert, update         on deletions                                                              to vitrine_app, vitrine_worker;
grant select, insert                 on storage_ledger, count_ledger, audit_log                                to vitrine_app, vitrine_worker;
grant select                         on storage_usage, counts, collection_counts                               to vitrine_app;
grant select, insert, update         on storage_usage, counts, collection_counts                               to vitrine_worker;
grant update (folded)                on storage_ledger, count_ledger                                           to vitrine_worker;
grant delete                         on count_ledger                                                           to vitrine_worker;

alter table job_runs enable row level security;
create policy every_run on job_runs to vitrine_worker using (true) with check (true);
grant select, insert, update, delete on job_runs to vitrine_worker;
