import { latitude, must, requirementsOf } from '../requirement.ts';

const source = 'deposit contract, Workers and groups';
const frame = 'deposit contract, Frame';

export const groupRequirements = requirementsOf('groups', {
  'GR-01': must(
    '`POST groups` answers the admin 200 with group_id, experiment_id, members, created_at and created_by, and the name when there is one.',
    source,
  ),
  'GR-02': must(
    'group_id is `grp_` and 26 lower-case Crockford base32 characters; experiment_id is that of the path.',
    frame,
  ),
  'GR-03': must('`GET groups` lists groups to either class; `?name=` narrows to that name.', source),
  'GR-04': must('`GET groups/{G}` reads one group for either class; an unknown one is 404 not-found.', source),
  'GR-05': must('A worker may not write to groups: 403, before the group is looked up.', source),
  'GR-06': must('`POST groups/{G}/members` adds a member; adding it twice is idempotent.', source),
  'GR-07': must('`DELETE groups/{G}/members/{M}` takes a member out.', source),
  'GR-08': must('`DELETE groups/{G}` is 204; afterwards the group is 404.', source),
  'GR-09': must('A group may hold groups.', source),
  'GR-10': must('A member that does not exist is no error: it resolves to nobody.', source),
  'GR-11': must(
    'An edit that would close a cycle, also through other groups, is 409 cycle-detected and changes nothing.',
    source,
  ),
  'GR-12': must(
    'Of two edits made at once that would make a cycle together, one is refused.',
    `${source}: "checked atomically"`,
  ),
  'GR-13': must('The names admins and orchestrators are 409 reserved-identifier.', source),
  'GR-14': must(
    'Names follow the rules of worker names: NFC, 1 to 128 characters, no white space at the ends, no code points that cannot be seen or kept, else 422 invalid-name.',
    source,
  ),
  'GR-15': must('The groups admins and orchestrators exist from the start.', source),
  'GR-16': must('A member of admins is admin-class.', source),
  'GR-17': must('A member of a group in admins is admin-class, however deep.', source),
  'GR-18': must('Admin class ends with the membership that gave it, and with the group in between.', source),
  'GR-19': must('Edits of an unknown group are 404 not-found.', source),
  'GR-20': must('created_by is the principal of the credential, never a field of the body.', source),
  'GR-21': must('Members added at the same moment are all kept.', source),
  'GR-22': latitude('Whether two groups may share a name.', source),
  'GR-23': must('`members` that is no list of distinct worker and group ids is 400 bad-request.', source),
  'GR-24': must('`GET groups` answers every group of the experiment, unless a `limit` is asked for.', source),
});
