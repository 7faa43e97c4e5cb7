-- Definer functions: the few things that must see past the wall, each with a fixed search_path, each taking no more than it names.

create function authenticate(credential bytea, organization uuid, item_kind text, item_id uuid, item_key text, item_decides boolean)
  returns table (
    user_id uuid, email text, user_name text, key_id uuid, scopes text[],
    organization_state text, organization_id uuid, organization_name text, role text, item_state text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  item_organization uuid;
  wanted            uuid;
begin
  select u.id, u.email::text, u.name, k.id, k.scopes
    into user_id, email, user_name, key_id, scopes
    from api_keys k
    join users u on u.id = k.user_id
   where k.key_hash = credential
     and (k.revoked_at is null or k.revoked_at > now())
     and (k.expires_at is null or k.expires_at > now());
  if not found then
    return;
  end if;
  update api_keys k set last_used_at = now() where k.id = authenticate.key_id and (k.last_used_at is null or k.last_used_at < now() - interval '5 minutes');

  item_organization := case item_kind
    when 'organization'   then (select o.id from organizations o where o.id = item_id and o.deleted_at is null)
    when 'collection'     then (select c.organization_id from collections c where c.id = item_id)
    when 'media'          then coalesce((select m.organization_id from media m where m.id = item_id),
                                        (select v.organization_id from versions v where v.id = item_id))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end;
  wanted := coalesce(case when item_decides then item_organization end, organization);

  if wanted is null then
    select m.organization_id into wanted
      from memberships m
      join organizations o on o.id = m.organization_id and o.deleted_at is null
     where m.user_id = authenticate.user_id
     order by m.joined_at, m.organization_id
     limit 1;
  end if;

  select o.id, o.name, m.role
    into organization_id, organization_name, role
    from organizations o
    left join memberships m on m.organization_id = o.id and m.user_id = authenticate.user_id
   where o.id = wanted and o.deleted_at is null;

  organization_state := case when wanted is null            then 'none'
                             when organization_id is null   then 'absent'
                             when role is null              then 'stranger'
                             else                                'member' end;
  item_state := case when item_kind is null                                            then 'none'
                     when item_organization is null                                    then 'absent'
                     when role is null or item_organization <> organization_id         then 'elsewhere'
                     else                                                                   'here' end;
  return next;
end $$;
comment on function authenticate is
  'who holds this credential (SHA-256), in which organization, in which role, and is the route''s item there: one round trip. No row: nobody. '
  'organization_state member | stranger | absent | none; item_state here | elsewhere | absent | none. item_decides: the item''s own organization is the one opened';


create function link_target(media_id uuid, token text)
  returns table (organization_id uuid, name text, filename text, mime_type text, processing text, key text, external_url text, frame_key text, frame_mime_type text, thumbnail_key text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.organization_id, m.name, m.filename, m.mime_type, m.processing, v.key, v.external_url, f.key, f.mime_type, f.thumbnail_key
    from media m
    join collections c on c.organization_id = m.organization_id and c.id = m.collection_id and c.status = 'active'
    join versions v on v.organization_id = m.organization_id and v.id = m.active_version_id
    left join frames f on f.organization_id = v.organization_id and f.version_id = v.id and f.ordinal = 0
   where m.id = link_target.media_id
     and m.link_token = link_target.token
     and m.status = 'active'
     and m.verified_at is not null
     and coalesce(m.moderation ->> 'status', '') <> 'blocked'
$$;
comment on function link_target is 'what a permanent link leads to; no row: deleted, blocked, not yet verified, or no such link';


create function upload_at(store_key text)
  returns table (organization_id uuid, upload_id uuid)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select p.organization_id, p.id from uploads p where p.key = store_key
$$;
comment on function upload_at is 'whose upload an event of the store is about: a consumer opens that one organization';


create function subtree(root uuid)
  returns table (id uuid, path ltree)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select below.id, below.path
    from media top
    join media below on below.path <@ top.path and below.type = 'folder' and below.organization_id = top.organization_id
   where top.id = root
     and top.type = 'folder'
     and top.organization_id = any (opened_organizations())
$$;
comment on function subtree is 'a folder and the folders below it, any status, of the opened organization: <@ is not leakproof, so it finds no index under a policy';


-- For the operator's commands and the sign-up of people: not granted to the application.

create function add_person(id uuid, email text, name text) returns uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users (id, email, name) values (add_person.id, add_person.email, add_person.name)
  on conflict (email) do update set updated_at = users.updated_at
  returning users.id
$$;
comment on function add_person is 'the id of the person with this e-mail, made where there was none';

create function add_organization(id uuid, name text, slug text, owner uuid, collection uuid, collection_name text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into organizations (id, name, slug) values (add_organization.id, add_organization.name, add_organization.slug);
  insert into memberships (organization_id, user_id, role) values (add_organization.id, owner, 'owner');
  insert into collections (organization_id, id, name, is_default, created_by) values (add_organization.id, collection, collection_name, true, owner);
$$;
comment on function add_organization is 'a tenant with its first owner and its default collection';

create function add_member(organization uuid, person uuid, role text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into memberships (organization_id, user_id, role) values (organization, person, add_member.role)
  on conflict (organization_id, user_id) do update set role = excluded.role
$$;

create function add_api_key(id uuid, person uuid, name text, prefix text, key_hash bytea, scopes text[], expires_at timestamptz) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at)
  values (add_api_key.id, person, add_api_key.name, add_api_key.prefix, add_api_key.key_hash, add_api_key.scopes, add_api_key.expires_at)
$$;

do $$
declare
  ours regprocedure;
begin
  for ours in                                    -- not those of the extensions: everybody needs their operators
    select p.oid::regprocedure from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('revoke execute on function %s from public', ours);
  end loop;
end $$;
grant execute on function opened_organizations(), subtree(uuid) to vitrine_app, vitrine_worker;
grant execute on function authenticate(bytea, uuid, text, uuid, text, boolean), link_target(uuid, text), upload_at(text) to vitrine_app;
grant execute on function add_person(uuid, text, text), add_organization(uuid, text, text, uuid, uuid, text), add_member(uuid, uuid, text),
                          add_api_key(uuid, uuid, text, text, bytea, text[], timestamptz) to vitrine_worker;
