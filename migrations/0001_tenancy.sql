-- Extensions, roles, and row-level security: the function `tenant_table` isolates the tenants of a table.
--
-- vitrine_app     API functions and event consumers. Each transaction opens one organization: it sets
--                 vitrine.organizations, and the policies show only rows of that organization.
-- vitrine_worker  Scheduled jobs and the operator's commands. The only role that reads across organizations.
-- The owner runs migrations and owns the `security definer` functions.

create extension if not exists ltree;
create extension if not exists pg_trgm;
create extension if not exists citext;
create extension if not exists pgcrypto;
create extension if not exists vector;

-- After the extensions, because every role needs the functions behind their operators. The migration of a
-- further extension must grant `execute` on its functions to public.
alter default privileges revoke execute on functions from public;

do $$
declare
  role_name text;
begin
  foreach role_name in array array['vitrine_app', 'vitrine_worker'] loop
    begin
      execute format('create role %I login nosuperuser nobypassrls nocreatedb nocreaterole', role_name);
    exception when duplicate_object or unique_violation then
      null;      -- roles belong to the cluster: another database of it was migrated before
    end;
  end loop;
end $$;

-- These are settings of the role and not of the connection, because a pooler drops start-up options.
-- idle_session_timeout: a frozen Lambda function must not keep its connection.
alter role vitrine_app    set statement_timeout = '25s';
alter role vitrine_app    set idle_in_transaction_session_timeout = '30s';
alter role vitrine_app    set idle_session_timeout = '60s';
alter role vitrine_app    set lock_timeout = '10s';
alter role vitrine_worker set statement_timeout = '5min';
alter role vitrine_worker set idle_in_transaction_session_timeout = '60s';
alter role vitrine_worker set idle_session_timeout = '60s';
alter role vitrine_worker set lock_timeout = '30s';

-- A page of likenesses is read by subqueries that stop early. The planner overestimates their cost by
-- millions, so it would compile the plan. Compiling takes a second, which no statement of a function is long
-- enough to win back.
alter role vitrine_app    set jit = off;

grant usage on schema public to vitrine_app, vitrine_worker;


create function opened_organizations() returns uuid[]
  language sql stable parallel safe
  return (nullif(current_setting('vitrine.organizations', true), ''))::uuid[];
comment on function opened_organizations is
  'the organizations that this transaction may read and write; null: none. The setting is empty, not null, '
  'after the first transaction of a connection';
grant execute on function opened_organizations() to vitrine_app, vitrine_worker;

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
comment on function tenant_table is
  'enable row-level security on a table with an organization_id: vitrine_app sees the rows of the opened '
  'organizations, vitrine_worker all rows. The table''s grants are given where it is created';
