-- Who is in an organization, and in which role. The application may read memberships and invitations; it writes them through the functions below,
-- which judge the one who acts anew, under a lock on the organization's row: so whatever races, nobody acts with a role that they have lost, and an
-- organization keeps an owner. Each takes the id of its entry in the audit log, and answers in one word what came of it.

create table invitations (
  organization_id uuid        not null references organizations (id) on delete cascade,
  id              uuid        not null primary key,
  email           citext      not null check (length(email) <= 320),
  role            text        not null check (role in ('owner', 'admin', 'editor', 'member', 'viewer')),
  token_hash      bytea       not null unique check (length(token_hash) = 32),
  status          text        not null default 'pending' check (status in ('pending', 'accepted', 'canceled')),
  invited_by      uuid        not null,
  accepted_by     uuid,
  created_at      timestamptz not null default now(),
  expires_at      timestamptz not null,
  unique (organization_id, id),
  check ((status = 'accepted') = (accepted_by is not null))
);
create unique index invitations_one_pending on invitations (organization_id, email) where status = 'pending';
create index invitations_newest on invitations (organization_id, created_at desc, id desc);
create index invitations_by_inviter on invitations (organization_id, invited_by) where status = 'pending';
comment on table  invitations is 'who may join an organization by showing a token; inviting an address again replaces what was pending';
comment on column invitations.token_hash is 'SHA-256 of the token; the token itself is never stored';
comment on column invitations.status is 'pending also when it has expired: only expires_at tells';

alter table invitations enable row level security;
create policy one_tenant on invitations to vitrine_app
  using (organization_id = any ((select opened_organizations())::uuid[]))
  with check (organization_id = any ((select opened_organizations())::uuid[]));
create policy every_tenant on invitations to vitrine_worker using (true) with check (true);
grant select on invitations to vitrine_app, vitrine_worker;


-- What the functions below stand on; granted to nobody.

create function hold_organization(organization uuid) returns boolean
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  -- Not "for update": every row that is written beside this asks for a key share of its organization, and would wait.
  perform from organizations o where o.id = organization and o.deleted_at is null for no key update;
  return found;
end $$;
comment on function hold_organization is
  'until the transaction ends nobody else changes who is in this organization; false: there is none. It may wait, and whoever calls it sees as of '
  'before: so it stands in a statement (an if) of its own, and what is judged under it in a later one';

create function hold_opened(organization uuid) returns boolean
  language sql volatile security definer set search_path = public, pg_temp
as $$
  select case when organization = any (opened_organizations()) then hold_organization(organization) else false end
$$;
comment on function hold_opened is 'the same, of an organization that this transaction opened';

create function may_give(organization uuid, giver uuid, role text) returns boolean
  language sql stable security definer set search_path = public, pg_temp
as $$
  select exists (select
                   from memberships m
                  where m.organization_id = organization
                    and m.user_id = giver
                    and (m.role = 'owner' or (m.role = 'admin' and may_give.role <> 'owner')))
$$;
comment on function may_give is
  'whether this person may make somebody this, or change or remove whoever is: owners everybody, admins everybody but owners';

create function withdraw_invitations(organization uuid, inviter uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update invitations i set status = 'canceled'
   where i.organization_id = organization
     and i.invited_by = inviter
     and i.status = 'pending'
     and not may_give(organization, inviter, i.role)
$$;
comment on function withdraw_invitations is 'what somebody could no longer offer is no longer offered';

create function note_act(entry uuid, organization uuid, actor uuid, operation text, item uuid, details jsonb) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into audit_log (organization_id, id, actor, operation, item_id, details)
  values (organization, entry, note_act.actor, note_act.operation, item, note_act.details)
$$;


-- What a person does, wherever they belong.

create function organizations_of(person uuid, most integer)
  returns table (id uuid, name text, slug text, created_at timestamptz, role text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select o.id, o.name, o.slug, o.created_at, m.role
    from memberships m
    join organizations o on o.id = m.organization_id and o.deleted_at is null
   where m.user_id = person
   order by m.joined_at, m.organization_id
   limit most
$$;
comment on function organizations_of is 'those that a person is in, the earliest membership first';

create function found_organization(
    entry uuid, person uuid, session uuid, organization uuid, name text, slugs text[], collection uuid, collection_name text, most integer)
  returns table (outcome text, slug text, created_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  wanted text;
begin
  perform from users u where u.id = person for no key update;      -- two at once would both count one too few
  if (select count(*) from memberships m join organizations o on o.id = m.organization_id and o.deleted_at is null
       where m.user_id = person and m.role = 'owner') >= most then
    outcome := 'too_many';
    return next;
    return;
  end if;

  foreach wanted in array slugs loop
    insert into organizations as o (id, name, slug) values (organization, found_organization.name, wanted)
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
  insert into collections (organization_id, id, name, is_default, created_by) values (organization, collection, collection_name, true, person);
  update sessions s set active_organization_id = organization where s.id = session and s.user_id = person;
  perform note_act(entry, organization, person, 'organization.create', organization,
                   jsonb_build_object('name', found_organization.name, 'slug', slug));
  outcome := 'done';
  return next;
end $$;
comment on function found_organization is
  'an organization with a default collection, owned by this person and active in their session: '
  'done | slug_taken (all of them) | too_many (they own most)';

create function choose_organization(person uuid, session uuid, organization uuid)
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

  outcome := case when id is not null or organization is null                                                       then 'done'
                  when exists (select from organizations o where o.id = organization and o.deleted_at is null)     then 'stranger'
                  else                                                                                                  'absent' end;
  if outcome = 'done' then
    update sessions s set active_organization_id = organization where s.id = session and s.user_id = person;
  end if;
  return next;
end $$;
comment on function choose_organization is
  'the organization is active in this session (null: in none that is kept; organization null: none is active): done | stranger | absent';

create function accept_invitation(entry uuid, person uuid, token_hash bytea)
  returns table (outcome text, organization_id uuid, invitation_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  shown   invitations;
  is_here boolean;
begin
  select i.organization_id into organization_id from invitations i where i.token_hash = accept_invitation.token_hash;
  if organization_id is null or not hold_organization(organization_id) then
    outcome := 'absent';
    return next;
    return;
  end if;

  select i.* into shown from invitations i where i.token_hash = accept_invitation.token_hash;      -- it may have been replaced meanwhile
  is_here := exists (select from memberships m where m.organization_id = shown.organization_id and m.user_id = person);
  invitation_id := shown.id;
  outcome := case
    when shown.id is null                                                          then 'absent'
    when shown.status = 'accepted' and shown.accepted_by = person and is_here      then 'done'
    when shown.status <> 'pending' or shown.expires_at <= now()                    then 'absent'
    when not may_give(shown.organization_id, shown.invited_by, shown.role)         then 'absent'
    when shown.email <> (select u.email from users u where u.id = person)          then 'other_person'
    else                                                                                'joined' end;
  if outcome = 'joined' then
    update invitations i set status = 'accepted', accepted_by = person where i.id = shown.id;
    insert into memberships (organization_id, user_id, role, invited_by) values (shown.organization_id, person, shown.role, shown.invited_by)
    on conflict do nothing;
    perform note_act(entry, shown.organization_id, person, 'invitation.accept', shown.id, jsonb_build_object('role', shown.role));
  end if;
  return next;
end $$;
comment on function accept_invitation is
  'the person of the address that was invited is in the organization; who is in it already keeps their role: joined | done (before, by the same '
  'person, who is still there) | other_person | absent (unknown, expired, canceled, replaced, used up, or its inviter could not offer it any more)';


-- What is done in the organization that the transaction opened.

create function organization_members(organization uuid, person uuid, address text, most integer, skipped integer)
  returns table (user_id uuid, organization_id uuid, email text, name text, image text, role text, joined_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select m.user_id, m.organization_id, u.email::text, u.name, u.image, m.role, m.joined_at
    from memberships m
    join users u on u.id = m.user_id
   where m.organization_id = organization
     and m.organization_id = any (opened_organizations())
     and (person is null or m.user_id = person)
     and (address is null or u.email = address::citext)
   order by m.joined_at, m.user_id
   limit most offset skipped
$$;
comment on function organization_members is 'people of the opened organization, the earliest first; one of them where person or address says which';

create function rename_organization(entry uuid, organization uuid, actor uuid, name text, slug text) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not hold_opened(organization) then
    return 'forbidden';
  end if;
  if not may_give(organization, actor, 'admin') then
    return 'forbidden';
  end if;
  update organizations o
     set name = coalesce(rename_organization.name, o.name), slug = coalesce(rename_organization.slug, o.slug), updated_at = now()
   where o.id = organization;
  perform note_act(entry, organization, actor, 'organization.update', organization,
                   jsonb_strip_nulls(jsonb_build_object('name', rename_organization.name, 'slug', rename_organization.slug)));
  return 'done';
exception when unique_violation then
  return 'slug_taken';
end $$;
comment on function rename_organization is 'null: as it is. done | slug_taken | forbidden';

create function add_member_by_email(entry uuid, organization uuid, actor uuid, address text, role text)
  returns table (outcome text, user_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not hold_opened(organization) then
    outcome := 'forbidden';
  elsif not may_give(organization, actor, 'admin') then
    outcome := 'forbidden';
  elsif not may_give(organization, actor, add_member_by_email.role) then
    outcome := 'owners_only';
  else
    select u.id into user_id from users u where u.email = address::citext;
    outcome := case
      when user_id is null                                                                                       then 'absent'
      when exists (select from memberships m where m.organization_id = organization and m.user_id = add_member_by_email.user_id) then 'is_member'
      else                                                                                                            'done' end;
  end if;
  if outcome = 'done' then
    insert into memberships (organization_id, user_id, role, invited_by) values (organization, user_id, add_member_by_email.role, actor);
    -- An invitation that was overtaken must not bring somebody back who is removed before it expires.
    update invitations i set status = 'canceled' where i.organization_id = organization and i.email = address::citext and i.status = 'pending';
    perform note_act(entry, organization, actor, 'member.add', user_id, jsonb_build_object('role', add_member_by_email.role));
  end if;
  return next;
end $$;
comment on function add_member_by_email is 'done | absent (nobody has this address) | is_member | owners_only | forbidden';

create function change_member_role(entry uuid, organization uuid, actor uuid, person uuid, role text) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  was text;
begin
  if not hold_opened(organization) then
    return 'forbidden';
  end if;
  if not may_give(organization, actor, 'admin') then
    return 'forbidden';
  end if;
  select m.role into was from memberships m where m.organization_id = organization and m.user_id = person;
  if was is null then
    return 'absent';
  elsif not may_give(organization, actor, was) or not may_give(organization, actor, change_member_role.role) then
    return 'owners_only';
  elsif was = change_member_role.role then
    return 'done';
  elsif was = 'owner' and (select count(*) from memberships m where m.organization_id = organization and m.role = 'owner') = 1 then
    return 'last_owner';
  end if;

  update memberships m set role = change_member_role.role where m.organization_id = organization and m.user_id = person;
  perform withdraw_invitations(organization, person);
  perform note_act(entry, organization, actor, 'member.change_role', person, jsonb_build_object('from', was, 'to', change_member_role.role));
  return 'done';
end $$;
comment on function change_member_role is 'done | absent | owners_only | last_owner | forbidden';

create function remove_member(entry uuid, organization uuid, actor uuid, person uuid) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  was text;
begin
  if not hold_opened(organization) then
    return 'forbidden';
  end if;
  if actor <> person and not may_give(organization, actor, 'admin') then
    return 'forbidden';
  end if;
  select m.role into was from memberships m where m.organization_id = organization and m.user_id = person;
  if was is null then
    return 'absent';
  elsif actor <> person and not may_give(organization, actor, was) then
    return 'owners_only';
  elsif was = 'owner' and (select count(*) from memberships m where m.organization_id = organization and m.role = 'owner') = 1 then
    return 'last_owner';
  end if;

  delete from memberships m where m.organization_id = organization and m.user_id = person;
  perform withdraw_invitations(organization, person);
  update invitations i set status = 'canceled'                     -- nor may one bring the person back
    from users u
   where u.id = person and i.organization_id = organization and i.email = u.email and i.status = 'pending';
  update sessions s set active_organization_id = null where s.user_id = person and s.active_organization_id = organization;
  perform note_act(entry, organization, actor, case when actor = person then 'organization.leave' else 'member.remove' end, person,
                   jsonb_build_object('role', was));
  return 'done';
end $$;
comment on function remove_member is 'who acts on themselves leaves, in any role: done | absent | owners_only | last_owner | forbidden';

create function invite_member(
    entry uuid, organization uuid, actor uuid, invitation uuid, address text, role text, token_hash bytea, life_seconds integer, most integer)
  returns table (outcome text, invitation_id uuid)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  if not hold_opened(organization) then
    outcome := 'forbidden';
  else
    outcome := case
      when not may_give(organization, actor, 'admin')                                                             then 'forbidden'
      when not may_give(organization, actor, invite_member.role)                                                  then 'owners_only'
      when exists (select from memberships m join users u on u.id = m.user_id
                    where m.organization_id = organization and u.email = address::citext)                         then 'is_member'
      when (select count(*) from invitations i where i.organization_id = organization and i.status = 'pending'
                and i.expires_at > now() and i.email <> address::citext) >= most                                  then 'too_many'
      else                                                                                                             'done' end;
  end if;
  if outcome = 'done' then
    insert into invitations as i (organization_id, id, email, role, token_hash, invited_by, expires_at)
    values (organization, invitation, address, invite_member.role, invite_member.token_hash, actor, now() + make_interval(secs => life_seconds))
    on conflict (organization_id, email) where status = 'pending' do update
       set role = excluded.role, token_hash = excluded.token_hash, invited_by = excluded.invited_by, created_at = now(),
           expires_at = excluded.expires_at
    returning i.id into invitation_id;
    perform note_act(entry, organization, actor, 'invitation.create', invitation_id, jsonb_build_object('role', invite_member.role));
  end if;
  return next;
end $$;
comment on function invite_member is
  'whoever has this address and shows the token may join; what was pending for it is replaced, and keeps its id: '
  'done | is_member | too_many (that are pending) | owners_only | forbidden';

create function cancel_invitation(entry uuid, organization uuid, actor uuid, invitation uuid) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  was text;
begin
  if not hold_opened(organization) then
    return 'forbidden';
  end if;
  if not may_give(organization, actor, 'admin') then
    return 'forbidden';
  end if;
  select i.status into was from invitations i where i.organization_id = organization and i.id = invitation;
  if was = 'pending' then
    update invitations i set status = 'canceled' where i.organization_id = organization and i.id = invitation;
    perform note_act(entry, organization, actor, 'invitation.cancel', invitation, '{}');
  end if;
  return case when was is null then 'absent' when was = 'accepted' then 'accepted' else 'done' end;
end $$;
comment on function cancel_invitation is 'done, also when it was before | absent | accepted: too late | forbidden';


do $$
declare
  ours regprocedure;
begin
  for ours in
    select p.oid::regprocedure from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and p.proname in ('hold_organization', 'hold_opened', 'may_give', 'withdraw_invitations', 'note_act', 'organizations_of', 'found_organization',
                         'choose_organization', 'accept_invitation', 'organization_members', 'rename_organization', 'add_member_by_email',
                         'change_member_role', 'remove_member', 'invite_member', 'cancel_invitation')
  loop
    execute format('revoke execute on function %s from public', ours);
  end loop;
end $$;
grant execute on function organizations_of(uuid, integer),
                          found_organization(uuid, uuid, uuid, uuid, text, text[], uuid, text, integer),
                          choose_organization(uuid, uuid, uuid),
                          accept_invitation(uuid, uuid, bytea),
                          organization_members(uuid, uuid, text, integer, integer),
                          rename_organization(uuid, uuid, uuid, text, text),
                          add_member_by_email(uuid, uuid, uuid, text, text),
                          change_member_role(uuid, uuid, uuid, uuid, text),
                          remove_member(uuid, uuid, uuid, uuid),
                          invite_member(uuid, uuid, uuid, uuid, text, text, bytea, integer, integer),
                          cancel_invitation(uuid, uuid, uuid, uuid) to vitrine_app;
