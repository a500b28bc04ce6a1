// Contexts in tables: the name of a value is the name of its column, or is in the cell before it.
import { camel, kebab, snake, type Context } from './context.ts';

export const tableContexts: readonly Context[] = [
  {
    context: 'table',
    file: 'README.md',
    templates: [
      ({ name, value }) => `| name | value |\n| --- | --- |\n| ${snake(name)} | ${value} |\n| mode | fast |\n`,
      ({ name, value }) => `┌──────┬───────┐\n│ ${snake(name)} │ ${value} │\n│ mode │ fast │\n└──────┴───────┘\n`,
      ({ name, value }) => ` ${snake(name)}  | ${value}\n mode         | fast\n(2 rows)\n`,
      ({ name, value }) => `| **${kebab(name)}** | \`${value}\` | yes |\n`,
      ({ name, value }) =>
        `====== Data ======\nKey         Value\n---         -----\n${snake(name)}    ${value}\nmode        fast\n`,
      ({ name, value }) => `  Mode:          fast\n  ${camel(name)}:      ${value}\n  Port:          5432\n`,
    ],
  },
  {
    context: 'column names in a header',
    file: 'users.csv',
    templates: [
      ({ name, value }) => `id,user,${snake(name)}\n1,alice,${value}\n`,
      ({ name, value }) => `"host","${camel(name)}","port"\n"db","${value}","5432"\n`,
      ({ name, value }) => `user;${snake(name)};role\nalice;${value};admin\n`,
      ({ name, value }) => `user\t${kebab(name)}\tnote\nalice\t${value}\tfirst\n`,
      ({ name, value }) => `${snake(name)},user\n${value},alice\n`,
      ({ name, value }) => `user,mail,${snake(name)},role\nalice,a@b.dev,${value},admin\nbob,b@b.dev,,admin\n`,
    ],
  },
  {
    context: 'SQL with column names',
    file: 'seed.sql',
    templates: [
      ({ name, value }) => `INSERT INTO users (name, ${snake(name)}) VALUES ('alice', '${value}');\n`,
      ({ name, value }) =>
        `INSERT INTO \`users\` (\`id\`,\`${snake(name)}\`,\`role\`) VALUES (7,'${value}','admin');\n`,
      ({ name, value }) => `INSERT INTO config (id, ${snake(name)}, mode)\nVALUES\n  (1, '${value}', 'fast');\n`,
      ({ name, value }) => `INSERT INTO "users" ("${camel(name)}", "note") VALUES (E'${value}', 'x');\n`,
      ({ name, value }) => `UPDATE users SET ${snake(name)} = '${value}' WHERE id = 7;\n`,
      ({ name, value }) => `COPY public.users (id, name, ${snake(name)}) FROM stdin;\n1\talice\t${value}\n\\.\n`,
    ],
  },
];
