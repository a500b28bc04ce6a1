// Contexts (texts around a value) in source code and in files of programs.
import { camel, kebab, pascal, snake, upper, type Context } from './context.ts';

const source: readonly Context[] = [
  {
    context: 'escaped sign',
    file: 'page.json',
    inUrl: true,
    templates: [
      ({ name, value }) => `{"next":"/cb?state\\u003d1\\u0026${snake(name)}\\u003d${value}"}\n`,
      ({ name, value }) => `Content-Transfer-Encoding: quoted-printable\n\n${snake(name)}=3D${value}\n`,
      ({ name, value }) => `var query = "${snake(name)}\\x3d${value}";\n`,
      ({ name, value }) => `POST /login\n\nuser%5Bname%5D=ci&user%5B${snake(name)}%5D=${value}&commit=Go\n`,
      ({ name, value }) => `<p>{&quot;${camel(name)}&quot;:&quot;${value}&quot;}</p>\n`,
      ({ name, value }) => `GET /go?to=%2Fcb%3F${snake(name)}%3D${value}%26mode%3Dfast HTTP/1.1\n`,
    ],
  },
  {
    context: 'value on the next line',
    file: 'config.ts',
    templates: [
      ({ name, value }) => `{\n  "${snake(name)}":\n    "${value}",\n  "mode": "fast"\n}\n`,
      ({ name, value }) => `String ${camel(name)} =\n    "${value}";\nint limit = 20;\n`,
      ({ name, value }) => `service:\n  ${snake(name)}:\n    ${value}\n  mode: fast\n`,
      ({ name, value }) => `export const ${camel(name)} =\n  '${value}';\n`,
      ({ name, value }) => `${snake(name)} = (\n    "${value}"\n)\n`,
      ({ name, value }) => `<${kebab(name)}>\n  ${value}\n</${kebab(name)}>\n`,
    ],
  },
  {
    context: 'environment in source code',
    file: 'main.py',
    templates: [
      ({ name, value }) => `os.environ["${upper(name)}"] = "${value}"\nmain()\n`,
      ({ name, value }) => `os.Setenv("${upper(name)}", "${value}")\n`,
      ({ name, value }) => `process.env.${upper(name)} = '${value}';\n`,
      ({ name, value }) => `ENV["${upper(name)}"] = "${value}"\nrequire "app"\n`,
      ({ name, value }) => `putenv("${upper(name)}=${value}");\n`,
      ({ name, value }) => `os.environ.setdefault("${upper(name)}", "${value}")\n`,
      ({ name, value }) => `process.env['${upper(name)}'] ??= "${value}";\n`,
      ({ name, value }) => `System.setProperty("app.${camel(name)}", "${value}");\n`,
    ],
  },
  {
    context: 'argument or constant',
    file: 'client.rb',
    templates: [
      ({ name, value }) => `client.set${pascal(name)}("${value}");\n`,
      ({ name, value }) => `builder.with${pascal(name)}("${value}").build()\n`,
      ({ name, value }) => `connect(user="app", ${snake(name)}="${value}", retries=3)\n`,
      ({ name, value }) => `{ host: "db", :${snake(name)} => "${value}" }\n`,
      ({ name, value }) => `new Client({ host, ${camel(name)}: \`${value}\` });\n`,
      ({ name, value }) => `${camel(name)} := "${value}"\nrun(${camel(name)})\n`,
      ({ name, value }) => `#define ${upper(name)} "${value}"\n`,
      ({ name, value }) => `define('${upper(name)}', '${value}');\n`,
      ({ name, value }) => `${snake(name)} = b"${value}"\n`,
      ({ name, value }) => `Options{Host: "db", ${pascal(name)}: ptr("${value}")}\n`,
      ({ name, value }) => `private static final String ${upper(name)} = "${value}";\n`,
      ({ name, value }) => `(setq ${kebab(name)} "${value}")\n`,
    ],
  },
];

const files: readonly Context[] = [
  {
    context: 'HCL',
    file: 'main.tf',
    templates: [
      ({ name, value }) => `variable "${snake(name)}" {\n  type    = string\n  default = "${value}"\n}\n`,
      ({ name, value }) => `region           = "eu"\n${snake(name).padEnd(16)} = "${value}"\n`,
      ({ name, value }) => `  + resource "app_user" "a" {\n      + ${snake(name)} = "${value}"\n    }\n`,
      ({ name, value }) => `      ~ ${snake(name)} = "old-value" -> "${value}"\n`,
      ({ name, value }) =>
        `"outputs": {\n  "${snake(name)}": {\n    "value": "${value}",\n    "type": "string"\n  }\n}\n`,
      ({ name, value }) => `locals { ${snake(name)} = "${value}" }\n`,
    ],
  },
  {
    context: 'TOML, INI and properties',
    file: 'app.toml',
    templates: [
      ({ name, value }) => `[db]\n${snake(name)} = '''${value}'''\n`,
      ({ name, value }) => `[db]\n${kebab(name)} = """${value}"""\n`,
      ({ name, value }) => `[client]\n${snake(name)}=${value} ; rotated\nhost=db\n`,
      ({ name, value }) => `[client]\n${camel(name)} : ${value}\nhost : db\n`,
      ({ name, value }) => `app.datasource.${kebab(name)}=${value}\napp.mode=fast\n`,
      ({ name, value }) => `"app.${kebab(name)}" = "${value}"\n`,
    ],
  },
  {
    context: 'connection string',
    file: 'appsettings.json',
    templates: [
      ({ name, value }) => `{"Db":"Server=db;Database=app;User Id=sa;${pascal(name)}=${value};Encrypt=true"}\n`,
      ({ name, value }) => `psql "host=db user=app ${snake(name)}=${value} sslmode=require"\n`,
      ({ name, value }) => `connectionString="Data Source=db;User ID=app;${pascal(name)}='${value}'"\n`,
      ({ name, value }) => `jdbc:sqlserver://db:1433;user=app;${camel(name)}=${value};encrypt=true\n`,
    ],
  },
  {
    context: 'XML property',
    file: 'app.xml',
    templates: [
      ({ name, value }) => `<entry key="${kebab(name)}">${value}</entry>\n<entry key="mode">fast</entry>\n`,
      ({ name, value }) => `<resources>\n  <string name="${snake(name)}">${value}</string>\n</resources>\n`,
      ({ name, value }) => `<key>${camel(name)}</key>\n\t<string>${value}</string>\n`,
      ({ name, value }) =>
        `<setting name="${pascal(name)}" serializeAs="String">\n  <value>${value}</value>\n</setting>\n`,
      ({ name, value }) => `<property>\n  <name>${kebab(name)}</name>\n  <value>${value}</value>\n</property>\n`,
      ({ name, value }) => `<Param Name='${camel(name)}' Type='string' Value='${value}'/>\n`,
    ],
  },
];

export const codeContexts: readonly Context[] = [...source, ...files];
