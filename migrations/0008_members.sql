-- Functions: organizations, their members and invitations.
--
-- The application reads memberships and invitations, and writes them through these functions. A function
-- locks the organization's row first and checks the actor's role under that lock. So nobody acts with a role
-- that they have lost, and an organization keeps an owner, in whatever order requests arrive. `entry` is the
-- id of the row in the audit log. The result is an outcome in one word:
--
-- done         the change is made, or nothing had to change
-- absent       there is no such person, member, organization or row
-- forbidden    the actor is neither owner nor admin, or the transaction has not opened the organization
-- owners_only  the change is to or of an owner, and the actor is an admin
-- last_owner   the organization would have no owner
-- stranger     the person is no member of the organization
-- is_member    the person is a member already

create function lock_organization(organization uuid) returns boolean
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  -- Not "for update": each insert of a row that refers to the organization takes a key share lock, and would
  -- wait.
  perform from organizations o where o.id = organization and o.deleted_at is null for no key update;
  return found;
end $$;
comment on function lock_organization is
  'lock the organization''s row, and so its membership, until the transaction ends; false: there is no such '
  'organization. The call may wait, and its statement sees rows as of before: call it in a statement (an '
  'if) of its own, and check roles in a following one';

create function lock_opened_organization(organization uuid) returns boolean
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select case when organization = any (opened_organizations()) then lock_organization(organization)
              else false end
$$;
comment on function lock_opened_organization is
  'lock_organization for an organization that this transaction has opened; false for any other';

create function may_assign(organization uuid, actor uuid, role text) returns boolean
  language sql stable security definer set search_path = public, pg_temp
as $$
  select exists (select
                   from memberships m
                  where m.organization_id = organization
                    and m.user_id = actor
                    and (m.role = 'owner' or (m.role = 'admin' and may_assign.role <> 'owner')))
$$;
comment on function may_assign is
  'whether this person may give somebody this role, and change or remove members who have it: owners any '
  'role, admins any role but owner';

create function lock_as_admin(organization uuid, actor uuid) returns boolean
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  if not lock_opened_organization(organization) then
    return false;
  end if;
  return may_assign(organization, actor, 'admin');
end $$;
comment on function lock_as_admin is
  'lock the row of an opened organization; true where the actor is then one of its owners or admins. '
  'Call it in a statement of its own';

create function member_role(organization uuid, person uuid) returns text
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.role from memberships m where m.organization_id = organization and m.user_id = person
$$;

create function has_one_owner(organization uuid) returns boolean
  language sql stable security definer set search_path = public, pg_temp
as $$
  select count(*) = 1 from memberships m where m.organization_id = organization and m.role = 'owner'
$$;

create function cancel_unauthorized_invitations(organization uuid, inviter uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update invitations i set status = 'canceled'
   where i.organization_id = organization
     and i.invited_by = inviter
     and i.status = 'pending'
     and not may_assign(organization, inviter, i.role)
$$;
comment on function cancel_unauthorized_invitations is
  'cancel the pending invitations whose role their inviter may no longer assign';

create function remove_membership(organization uuid, person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  delete from memberships m where m.organization_id = organization and m.user_id = person;
  select cancel_unauthorized_invitations(organization, person);
  update invitations i set status = 'canceled'
    from users u
   where u.id = person and i.organization_id = organization and i.email = u.email and i.status = 'pending';
  update sessions s set active_organization_id = null
   where s.user_id = person and s.active_organization_id = organization;
$$;
comment on function remove_membership is
  'delete the membership, cancel the pending invitations that the person wrote or could return by, and '
  'reset the sessions in which the organization is active';

create function write_audit_log(
    entry uuid, organization uuid, actor uuid, operation text, item uuid, details jsonb)
  returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into audit_log (organization_id, id, actor, operation, item_id, details)
  values (organization, entry, write_audit_log.actor, write_audit_log.operation, item,
          write_audit_log.details)
$$;


-- Functions of a person, in whichever organization.

create function organizations_of(person uuid, max_rows integer)
  returns table (id uuid, name text, slug text, created_at timestamptz, role text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select o.id, o.name, o.slug, o.created_at, m.role
    from memberships m
    join organizations o on o.id = m.organization_id and o.deleted_at is null
   where m.user_id = person
   order by m.joined_at, m.organization_id
   limit max_rows
$$;
comment on function organizations_of is 'the organizations of this person, the earliest membership first';

create function create_organization(
    entry uuid, person uuid, session uuid, organization uuid, name text, slugs text[], collection uuid,
    collection_name text, max_owned integer)
  returns table (outcome text, slug text, created_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  candidate text;
begin
  -- Locked, because two requests would both count one too few.
  perform from users u where u.id = person for no key update;
  if (select count(*)
        from memberships m
        join organizations o on o.id = m.organization_id and o.deleted_at is null
       where m.user_id = person and m.role = 'owner') >= max_owned then
    outcome := 'too_many';
    return next;
    return;
  end if;

  foreach candidate in array slugs loop
    insert into organizations as o (id, name, slug) values (organization, create_organization.name, candidate)
    on conflict do nothing
    returning o.slug, o.created_at into slug, created_at;
    exit when found;
  end loop;
  if slug is null then
    outcome := 'slug_taken';
    return next;
    return;
  end if;

  insert into memberships (organization_id, user_id, role) values (organization, person, 'owner');
  insert into collections (organization_id, id, name, is_default, created_by)
  values (organization, collection, collection_name, true, person);
  update sessions s set active_organization_id = organization where s.id = session and s.user_id = person;
  perform write_audit_log(entry, organization, person, 'organization.create', organization,
                          jsonb_build_object('name', create_organization.name, 'slug', slug));
  outcome := 'done';
  return next;
end $$;
comment on function create_organization is
  'create an organization with a default collection, owned by this person and active in their session: done '
  '| slug_taken (all of them) | too_many (the person owns max_owned)';

create function set_active_organization(person uuid, session uuid, organization uuid)
  returns table (outcome text, id uuid, name text, slug text, created_at timestamptz, role text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  select o.id, o.name, o.slug, o.created_at, m.role
    into id, name, slug, created_at, role
    from organizations o
    join memberships m on m.organization_id = o.id and m.user_id = person
   where o.id = organization and o.deleted_at is null;

  outcome := case
    when id is not null or organization is null then 'done'
    when exists (select from organizations o
                  where o.id = organization and o.deleted_at is null) then 'stranger'
    else 'absent' end;
  if outcome = 'done' then
    update sessions s set active_organization_id = organization where s.id = session and s.user_id = person;
  end if;
  return next;
end $$;
comment on function set_active_organization is
  'make the organization active in this session (session null: validate only; organization null: none is '
  'active): done | stranger (the person is no member) | absent';

create function accept_invitation(entry uuid, person uuid, token_hash bytea)
  returns table (outcome text, organization_id uuid, invitation_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  invitation invitations;
  is_member  boolean;
begin
  select i.organization_id into organization_id
    from invitations i
   where i.token_hash = accept_invitation.token_hash;
  if organization_id is null or not lock_organization(organization_id) then
    outcome := 'absent';
    return next;
    return;
  end if;

  -- Read again: it may have been replaced before the lock.
  select i.* into invitation from invitations i where i.token_hash = accept_invitation.token_hash;
  is_member := exists (select from memberships m
                        where m.organization_id = invitation.organization_id and m.user_id = person);
  invitation_id := invitation.id;
  outcome := case
    when invitation.id is null                                                              then 'absent'
    when invitation.status = 'accepted' and invitation.accepted_by = person and is_member   then 'done'
    when invitation.status <> 'pending' or invitation.expires_at <= now()                   then 'absent'
    when not may_assign(invitation.organization_id, invitation.invited_by, invitation.role) then 'absent'
    when invitation.email <> (select u.email from users u where u.id = person) then 'other_person'
    else 'joined' end;
  if outcome = 'joined' then
    update invitations i set status = 'accepted', accepted_by = person where i.id = invitation.id;
    insert into memberships (organization_id, user_id, role, invited_by)
    values (invitation.organization_id, person, invitation.role, invitation.invited_by)
    on conflict do nothing;
    perform write_audit_log(entry, invitation.organization_id, person, 'invitation.accept', invitation.id,
                            jsonb_build_object('role', invitation.role));
  end if;
  return next;
end $$;
comment on function accept_invitation is
  'make the person of the invited address a member; a member keeps their role. joined | done (this person '
  'accepted it before and is still a member) | other_person | absent (unknown, expired, canceled, replaced, '
  'used by another, or its inviter may no longer assign its role)';


-- Functions in the organization that the transaction has opened.

create function organization_members(
    organization uuid, person uuid, address text, max_rows integer, skipped integer)
  returns table (user_id uuid, organization_id uuid, email text, name text, image text, role text,
                 joined_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.user_id, m.organization_id, u.email, u.name, u.image, m.role, m.joined_at
    from memberships m
    join users u on u.id = m.user_id
   where m.organization_id = organization
     and m.organization_id = any (opened_organizations())
     and (person is null or m.user_id = person)
     and (address is null or u.email = address)
   order by m.joined_at, m.user_id
   limit max_rows offset skipped
$$;
comment on function organization_members is
  'members of the opened organization, the earliest first; at most one where person or address is given';

create function rename_organization(entry uuid, organization uuid, actor uuid, name text, slug text)
  returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not lock_as_admin(organization, actor) then
    return 'forbidden';
  end if;
  update organizations o
     set name = coalesce(rename_organization.name, o.name), slug = coalesce(rename_organization.slug, o.slug),
         updated_at = now()
   where o.id = organization;
  perform write_audit_log(entry, organization, actor, 'organization.update', organization,
                          jsonb_strip_nulls(jsonb_build_object('name', rename_organization.name,
                                                               'slug', rename_organization.slug)));
  return 'done';
exception when unique_violation then
  return 'slug_taken';
end $$;
comment on function rename_organization is
  'set the name, the slug or both; a null leaves the value. done | slug_taken | forbidden';

create function add_member_by_email(entry uuid, organization uuid, actor uuid, address text, role text)
  returns table (outcome text, user_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not lock_as_admin(organization, actor) then
    outcome := 'forbidden';
  elsif not may_assign(organization, actor, add_member_by_email.role) then
    outcome := 'owners_only';
  else
    select u.id into user_id from users u where u.email = address;
    outcome := case
      when user_id is null                                                          then 'absent'
      when member_role(organization, add_member_by_email.user_id) is not null       then 'is_member'
      else                                                                               'done' end;
  end if;
  if outcome = 'done' then
    insert into memberships (organization_id, user_id, role, invited_by)
    values (organization, user_id, add_member_by_email.role, actor);
    -- A pending invitation is obsolete: a member who is removed before it expires must not return by it.
    update invitations i set status = 'canceled'
     where i.organization_id = organization and i.email = address and i.status = 'pending';
    perform write_audit_log(entry, organization, actor, 'member.add', user_id,
                            jsonb_build_object('role', add_member_by_email.role));
  end if;
  return next;
end $$;
comment on function add_member_by_email is
  'make the person of this address a member: done | absent (no such person) | is_member | owners_only | '
  'forbidden';

create function change_member_role(entry uuid, organization uuid, actor uuid, person uuid, role text)
  returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  present_role text;
begin
  if not lock_as_admin(organization, actor) then
    return 'forbidden';
  end if;
  present_role := member_role(organization, person);
  if present_role is null then
    return 'absent';
  elsif not may_assign(organization, actor, present_role)
     or not may_assign(organization, actor, change_member_role.role) then
    return 'owners_only';
  elsif present_role = change_member_role.role then
    return 'done';
  elsif present_role = 'owner' and has_one_owner(organization) then
    return 'last_owner';
  end if;

  update memberships m set role = change_member_role.role
   where m.organization_id = organization and m.user_id = person;
  perform cancel_unauthorized_invitations(organization, person);
  perform write_audit_log(entry, organization, actor, 'member.change_role', person,
                          jsonb_build_object('from', present_role, 'to', change_member_role.role));
  return 'done';
end $$;
comment on function change_member_role is 'done | absent | owners_only | last_owner | forbidden';

create function remove_member(entry uuid, organization uuid, actor uuid, person uuid) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  present_role text;
begin
  if not lock_opened_organization(organization) then
    return 'forbidden';
  end if;
  if actor <> person and not may_assign(organization, actor, 'admin') then
    return 'forbidden';
  end if;
  present_role := member_role(organization, person);
  if present_role is null then
    return 'absent';
  elsif actor <> person and not may_assign(organization, actor, present_role) then
    return 'owners_only';
  elsif present_role = 'owner' and has_one_owner(organization) then
    return 'last_owner';
  end if;

  perform remove_membership(organization, person);
  perform write_audit_log(entry, organization, actor,
                          case when actor = person then 'organization.leave' else 'member.remove' end, person,
                          jsonb_build_object('role', present_role));
  return 'done';
end $$;
comment on function remove_member is
  'remove a member; a member in any role may remove themselves. done | absent | owners_only | last_owner | '
  'forbidden';

create function invite_member(
    entry uuid, organization uuid, actor uuid, invitation uuid, address text, role text, token_hash bytea,
    life_seconds integer, max_pending integer)
  returns table (outcome text, invitation_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not lock_as_admin(organization, actor) then
    outcome := 'forbidden';
  else
    outcome := case
      when not may_assign(organization, actor, invite_member.role) then 'owners_only'
      when exists (select from memberships m join users u on u.id = m.user_id
                    where m.organization_id = organization and u.email = address) then 'is_member'
      when (select count(*) from invitations i where i.organization_id = organization and i.status = 'pending'
                and i.expires_at > now() and i.email <> address) >= max_pending then 'too_many'
      else 'done' end;
  end if;
  if outcome = 'done' then
    insert into invitations as i (organization_id, id, email, role, token_hash, invited_by, expires_at)
    values (organization, invitation, address, invite_member.role, invite_member.token_hash, actor,
            now() + make_interval(secs => life_seconds))
    on conflict (organization_id, email) where status = 'pending' do update
       set role = excluded.role, token_hash = excluded.token_hash, invited_by = excluded.invited_by,
           created_at = now(), expires_at = excluded.expires_at
    returning i.id into invitation_id;
    perform write_audit_log(entry, organization, actor, 'invitation.create', invitation_id,
                            jsonb_build_object('role', invite_member.role));
  end if;
  return next;
end $$;
comment on function invite_member is
  'the person of this address may join by showing the token; a pending invitation of the address is '
  'replaced and keeps its id. done | is_member | too_many (max_pending are pending) | owners_only | '
  'forbidden';

create function cancel_invitation(entry uuid, organization uuid, actor uuid, invitation uuid) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  present_status text;
begin
  if not lock_as_admin(organization, actor) then
    return 'forbidden';
  end if;
  select i.status into present_status
    from invitations i
   where i.organization_id = organization and i.id = invitation;
  if present_status = 'pending' then
    update invitations i set status = 'canceled' where i.organization_id = organization and i.id = invitation;
    perform write_audit_log(entry, organization, actor, 'invitation.cancel', invitation, '{}');
  end if;
  return case when present_status is null       then 'absent'
              when present_status = 'accepted' then 'accepted'
              else                                  'done' end;
end $$;
comment on function cancel_invitation is
  'done, also where it was canceled before | absent | accepted (it is too late) | forbidden';


grant execute on function organizations_of(uuid, integer),
                          create_organization(uuid, uuid, uuid, uuid, text, text[], uuid, text, integer),
                          set_active_organization(uuid, uuid, uuid),
                          accept_invitation(uuid, uuid, bytea),
                          organization_members(uuid, uuid, text, integer, integer),
                          rename_organization(uuid, uuid, uuid, text, text),
                          add_member_by_email(uuid, uuid, uuid, text, text),
                          change_member_role(uuid, uuid, uuid, uuid, text),
                          remove_member(uuid, uuid, uuid, uuid),
                          invite_member(uuid, uuid, uuid, uuid, text, text, bytea, integer, integer),
                          cancel_invitation(uuid, uuid, uuid, uuid) to vitrine_app;
