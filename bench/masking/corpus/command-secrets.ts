// Secrets in the arguments of commands and in the files of commands. No name is beside them.
import { secret } from './sample.ts';
import type { SeededRandom } from './seeded-random.ts';

interface CommandFamily {
  readonly family: string;
  readonly file: string;
  readonly templates: readonly ((random: SeededRandom) => string)[];
}

const password = (random: SeededRandom): string => secret(random.text('base62', random.integer(10, 24)));

export const commandFamilies: readonly CommandFamily[] = [
  {
    family: 'netrc',
    file: '.netrc',
    templates: [
      (r) => `machine api.service.dev login ci password ${password(r)}\n`,
      (r) => `machine api.service.dev\n\tlogin ci\n\tpassword ${password(r)}\n`,
      (r) => `default login anonymous password ${password(r)}\n`,
      (r) => `machine git.service.dev\n  password ${password(r)}\n  login ci\n`,
    ],
  },
  {
    family: 'mysql -p',
    file: 'dump.sh',
    templates: [
      (r) => `mysql -h db -u root -p${password(r)} app < seed.sql\n`,
      (r) => `mysqldump -uroot -p'${password(r)}' app > dump.sql\n`,
      (r) => `mysqladmin -u root -p"${password(r)}" ping\n`,
      (r) => `mariadb --user root -p${password(r)} -e 'select 1'\n`,
    ],
  },
  {
    family: 'user and password',
    file: 'fetch.sh',
    templates: [
      (r) => `curl -u ci:${password(r)} https://api.service.dev\n`,
      (r) => `curl -sSf --user "ci:${password(r)}" https://api.service.dev\n`,
      (r) => `curl https://api.service.dev -o out.json -u 'ci:${password(r)}'\n`,
      (r) => `http -a ci:${password(r)} GET https://api.service.dev\n`,
      (r) => `wget --user=ci --password=${password(r)} https://api.service.dev\n`,
      (r) => `curl -Lu ci:${password(r)} https://api.service.dev\n`,
    ],
  },
  {
    family: 'option of one letter',
    file: 'run.sh',
    templates: [
      (r) => `redis-cli -h cache -a ${password(r)} ping\n`,
      (r) => `mongosh -u admin -p ${password(r)} --authenticationDatabase admin\n`,
      (r) => `docker login -u ci -p ${password(r)} images.service.dev\n`,
      (r) => `sqlcmd -S db -U sa -P '${password(r)}' -Q 'select 1'\n`,
      (r) => `sshpass -p${password(r)} ssh host uptime\n`,
      (r) => `ldapsearch -x -D cn=admin -w ${password(r)} -b dc=app\n`,
    ],
  },
  {
    family: 'password on standard input',
    file: 'deploy.sh',
    templates: [
      (r) => `echo ${password(r)} | docker login -u ci --password-stdin\n`,
      (r) => `printf '%s' "${password(r)}" | podman login --username ci --password-stdin\n`,
      (r) => `echo "${password(r)}" | sudo -S apt-get update\n`,
      (r) => `echo 'app:${password(r)}' | chpasswd\n`,
    ],
  },
  {
    family: 'pass phrase of a tool',
    file: 'sign.sh',
    templates: [
      (r) => `openssl rsa -in key.pem -passin pass:${password(r)}\n`,
      (r) => `openssl enc -aes-256-cbc -pass "pass:${password(r)}" -in a\n`,
      (r) => `keytool -list -keystore app.jks -storepass ${password(r)}\n`,
      (r) => `jarsigner -keystore app.jks -keypass '${password(r)}' app.jar app\n`,
    ],
  },
  {
    family: 'pgpass',
    file: '.pgpass',
    templates: [(r) => `db.internal:5432:app:app_user:${password(r)}\n`, (r) => `*:5432:*:postgres:${password(r)}\n`],
  },
];
