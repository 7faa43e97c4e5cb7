-- Functions of the operator's commands: people, keys and organizations, across tenants. Granted to
-- vitrine_worker alone.
--
-- A function that locks a row is called in a statement of its own, before the decision under that lock:
-- within one statement, other rows would be read as of before the wait.

create function add_person(id uuid, email text, name text) returns uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users (id, email, name) values (add_person.id, add_person.email, add_person.name)
  on conflict (email) do update set updated_at = users.updated_at
  returning users.id
$$;
comment on function add_person is
  'the id of the person with this e-mail address, inserted where there was none';

create function add_organization(
    id uuid, name text, slug text, owner uuid, collection uuid, collection_name text)
  returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into organizations (id, name, slug)
  values (add_organization.id, add_organization.name, add_organization.slug);
  insert into memberships (organization_id, user_id, role) values (add_organization.id, owner, 'owner');
  insert into collections (organization_id, id, name, is_default, created_by)
  values (add_organization.id, collection, collection_name, true, owner);
$$;
comment on function add_organization is 'insert a tenant with its first owner and its default collection';

create function add_member(organization uuid, person uuid, role text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into memberships (organization_id, user_id, role) values (organization, person, add_member.role)
  on conflict (organization_id, user_id) do update set role = excluded.role;
  select cancel_unauthorized_invitations(organization, person);
$$;
comment on function add_member is 'give a person this role in the organization, a member or not';

create function add_api_key(
    id uuid, person uuid, name text, prefix text, key_hash bytea, scopes text[], expires_at timestamptz)
  returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at)
  values (add_api_key.id, person, add_api_key.name, add_api_key.prefix, add_api_key.key_hash,
          add_api_key.scopes, add_api_key.expires_at)
$$;


-- People.

create function operator_lock_person(email text) returns table (id uuid, email text, name text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select u.id, u.email, u.name
    from users u
   where u.email = operator_lock_person.email
     for no key update
$$;
comment on function operator_lock_person is
  'the person with this e-mail address, locked until the transaction ends';

create function operator_people(after text, max_rows integer)
  returns table (id uuid, email text, name text, has_password boolean, organizations text[],
                 created_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email, u.name, u.password_hash is not null,
         array(select o.slug || '=' || m.role
                 from memberships m
                 join organizations o on o.id = m.organization_id and o.deleted_at is null
                where m.user_id = u.id
                order by o.slug),
         u.created_at
    from users u
   where u.email > operator_people.after
   order by u.email
   limit max_rows
$$;
comment on function operator_people is
  'people in the order of their e-mail addresses, after this one, with slug=role of their organizations';

create function operator_add_person(id uuid, email text, name text, password_hash text) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users (id, email, name, password_hash)
  values (operator_add_person.id, operator_add_person.email, operator_add_person.name,
          operator_add_person.password_hash)
  on conflict (email) do nothing
  returning users.id
$$;
comment on function operator_add_person is 'the id of a new person; no row: the e-mail address is taken';

create function operator_set_password(person uuid, password_hash text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update users
     set password_hash = operator_set_password.password_hash, updated_at = now()
   where users.id = person
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
  with ended as (delete from sessions s where s.user_id = person returning s.expires_at > now() as was_valid)
  select count(*) filter (where was_valid) from ended
$$;
comment on function operator_end_sessions is
  'end the person''s sessions, and their device codes that are not redeemed; returns how many sessions had '
  'not expired';

create function operator_remove_person(person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update invitations i set status = 'canceled'
    from memberships m
    join users u on u.id = m.user_id
   where m.user_id = person
     and i.organization_id = m.organization_id
     and i.status = 'pending'
     and (i.invited_by = person or i.email = u.email);
  delete from users u where u.id = person;
$$;
comment on function operator_remove_person is
  'delete the person with their memberships, keys and sessions, and cancel the pending invitations that '
  'they wrote or could return by; what the person created stays';


-- API keys.

create function operator_keys(person uuid)
  returns table (
    id uuid, prefix text, name text, scopes text[], status text, last_used_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz)
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
comment on function operator_keys is
  'ends_at: when the key stopped or will stop working; null: never by itself';

create function operator_revoke_key(id uuid) returns table (email text, prefix text, name text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  perform from users u join api_keys k on k.user_id = u.id
    where k.id = operator_revoke_key.id for no key update of u;
  update api_keys k set revoked_at = least(k.revoked_at, now()), updated_at = now()
   where k.id = operator_revoke_key.id;
  perform end_made_keys(operator_revoke_key.id, now(), true);
  return query
    select u.email, k.prefix, k.name
      from api_keys k
      join users u on u.id = k.user_id
     where k.id = operator_revoke_key.id;
end $$;
comment on function operator_revoke_key is
  'revoke the key and the keys that it made; one that was revoked before stays revoked as of then. No row: '
  'no such key';


-- Organizations and members.

create function operator_lock_organization(slug text) returns table (id uuid, name text, slug text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select o.id, o.name, o.slug
    from organizations o
   where o.slug = operator_lock_organization.slug
     and o.deleted_at is null
     for no key update
$$;
comment on function operator_lock_organization is
  'the organization of this slug; its membership is locked until the transaction ends';

create function operator_lock_organizations_of(person uuid) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  -- The person joins no organization meanwhile: a new membership waits for its foreign key.
  select from users u where u.id = person for update;
  select o.id
    from organizations o
   where o.id in (select m.organization_id from memberships m where m.user_id = person)
   order by o.id
     for no key update
$$;
comment on function operator_lock_organizations_of is
  'the person''s organizations; their membership is locked until the transaction ends';

create function operator_members(organization uuid)
  returns table (email text, name text, role text, joined_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.email, u.name, m.role, m.joined_at
    from memberships m
    join users u on u.id = m.user_id
   where m.organization_id = organization
   order by array_position(array['owner', 'admin', 'editor', 'member', 'viewer'], m.role), u.email
$$;

create function operator_remove_member(organization uuid, person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select remove_membership(organization, person)
$$;

create function operator_set_quota(organization uuid, bytes bigint) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update organizations o set quota_bytes = bytes, updated_at = now() where o.id = organization
$$;


grant execute on function add_person(uuid, text, text), add_organization(uuid, text, text, uuid, uuid, text),
                          add_member(uuid, uuid, text),
                          add_api_key(uuid, uuid, text, text, bytea, text[], timestamptz),
                          operator_lock_person(text), operator_people(text, integer),
                          operator_add_person(uuid, text, text, text), operator_set_password(uuid, text),
                          operator_sessions(uuid), operator_end_sessions(uuid), operator_remove_person(uuid),
                          operator_keys(uuid), operator_revoke_key(uuid),
                          operator_lock_organization(text), operator_lock_organizations_of(uuid),
                          operator_members(uuid), operator_remove_member(uuid, uuid),
                          operator_set_quota(uuid, bigint) to vitrine_worker;
