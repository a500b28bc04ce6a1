// Holds a lock on a database file until its standard input ends. Prints "held" when it has the lock.
// Usage: `node hold-lock.ts <file> <statement>`.
import process from 'node:process';
import Database from 'better-sqlite3';

const [file = '', statement = 'begin immediate'] = process.argv.slice(2);
const database = new Database(file, { timeout: 10_000 });
database.exec(statement);
if (statement === 'begin') database.prepare('select count(*) from settings').get();
process.stdout.write('held\n');
process.stdin.resume().on('end', () => {
  database.close();
});
