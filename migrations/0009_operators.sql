-- For the operator's commands alone: people, keys and organizations, seen and changed past the wall. Not granted to the application.
--
-- What holds a row is a function of its own, called before what is decided under it: one statement would see the rest from before it waited.

create function operator_hold_person(email text) returns table (id uuid, email text, name text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select u.id, u.email::text, u.name
    from users u
   where u.email = operator_hold_person.email::citext
     for no key update
$$;
comment on function operator_hold_person is 'the person of this e-mail, whom nobody else changes or removes until the transaction ends';

create function operator_people(after text, most integer)
  returns table (id uuid, email text, name text, has_password boolean, organizations text[], created_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email::text, u.name, u.password_hash is not null,
         array(select o.slug || '=' || m.role
                 from memberships m
                 join organizations o on o.id = m.organization_id and o.deleted_at is null
                where m.user_id = u.id
                order by o.slug),
         u.created_at
    from users u
   where u.email > operator_people.after::citext
   order by u.email
   limit most
$$;
comment on function operator_people is 'the first people after this e-mail, with slug=role of their organizations';

create function operator_add_person(id uuid, email text, name text, password_hash text) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users (id, email, name, password_hash)
  values (operator_add_person.id, operator_add_person.email, operator_add_person.name, operator_add_person.password_hash)
  on conflict (email) do nothing
  returning users.id
$$;
comment on function operator_add_person is 'the id of a new person; no row: the e-mail is taken';

create function operator_set_password(person uuid, password_hash text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update users set password_hash = operator_set_password.password_hash, updated_at = now() where users.id = person
$$;

create function operator_sessions(person uuid)
  returns table (created_at timestamptz, expires_at timestamptz, ip_address text, user_agent text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select s.created_at, s.expires_at, s.ip_address, s.user_agent
    from sessions s
   where s.user_id = person
     and s.expires_at > now()
   order by s.created_at, s.id
$$;

create function operator_end_sessions(person uuid) returns bigint
  language sql volatile security definer set search_path = public, pg_temp
as $$
  delete from device_codes d where d.user_id = person;
  with ended as (delete from sessions s where s.user_id = person returning s.expires_at > now() as lived)
  select count(*) filter (where lived) from ended
$$;
comment on function operator_end_sessions is
  'nothing is left of the person''s sessions, nor of devices that were approved and have not come for theirs yet; how many still lived';

create function operator_remove_person(person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  delete from users u where u.id = person
$$;
comment on function operator_remove_person is 'memberships, keys and sessions go along; what the person made stays where it is';


create function operator_keys(person uuid)
  returns table (
    id uuid, prefix text, name text, scopes text[], status text, last_used_at timestamptz, ends_at timestamptz, created_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select k.id, k.prefix, k.name, k.scopes,
         case when k.revoked_at <= now() then 'revoked'
              when k.expires_at <= now() then 'expired'
              else                            'active' end,
         k.last_used_at, least(k.revoked_at, k.expires_at), k.created_at
    from api_keys k
   where k.user_id = person
   order by k.created_at, k.id
$$;
comment on function operator_keys is 'ends_at: when the key stopped or will stop; null: it does not end by itself';

create function operator_revoke_key(id uuid) returns table (email text, prefix text, name text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update api_keys k
     set revoked_at = least(k.revoked_at, now()), updated_at = now()
    from users u
   where k.id = operator_revoke_key.id
     and u.id = k.user_id
  returning u.email::text, k.prefix, k.name
$$;
comment on function operator_revoke_key is 'the key is good for nothing from now on; one that was revoked before stays revoked as of then. No row: no such key';


create function operator_hold_organization(slug text) returns table (id uuid, name text, slug text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select o.id, o.name, o.slug
    from organizations o
   where o.slug = operator_hold_organization.slug
     and o.deleted_at is null
     for no key update
$$;
comment on function operator_hold_organization is 'the organization of this slug, whose members nobody else changes until the transaction ends';

create function operator_hold_organizations_of(person uuid) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select from users u where u.id = person for update;       -- meanwhile the person joins nothing: a membership waits for its foreign key
  select o.id
    from organizations o
   where o.id in (select m.organization_id from memberships m where m.user_id = person)
   order by o.id
     for no key update
$$;
comment on function operator_hold_organizations_of is 'the person''s organizations, held: whose members nobody else changes until the transaction ends';

create function operator_members(organization uuid) returns table (email text, name text, role text, joined_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.email::text, u.name, m.role, m.joined_at
    from memberships m
    join users u on u.id = m.user_id
   where m.organization_id = organization
   order by array_position(array['owner', 'admin', 'editor', 'member', 'viewer'], m.role), u.email
$$;

create function operator_remove_member(organization uuid, person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  delete from memberships m where m.organization_id = organization and m.user_id = person
$$;

create function operator_set_quota(organization uuid, bytes bigint) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update organizations o set quota_bytes = bytes, updated_at = now() where o.id = organization
$$;

do $$
declare
  ours regprocedure;
begin
  for ours in
    select p.oid::regprocedure from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'operator\_%'
  loop
    execute format('revoke execute on function %s from public', ours);
    execute format('grant execute on function %s to vitrine_worker', ours);
  end loop;
end $$;
