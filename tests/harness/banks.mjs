// Made-up banks for exam definitions that have none: the fixtures of item_bank, in a real suite.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { call, newId } from './connect.mjs';
import { root } from './suite.mjs';
import { sign } from './tokens.mjs';

/** A definition under services/item_bank/testdata. */
export const fixture = (name) => JSON.parse(readFileSync(path.join(root, 'services/item_bank/testdata', `${name}.json`), 'utf8'));

/** A bank that fills any form of `exam`: in every task statement 18 items that count and 3 that don't, every fifth of them with two keys. */
export function madeUpBank(exam) {
  const items = [];
  for (const { domainId, tasks } of exam.domains) {
    for (const { taskId } of tasks) {
      for (let i = 0; i < 21; ++i) {
        const several = items.length % 5 === 4;
        const letters = several ? ['a', 'b', 'c', 'd', 'e'] : ['a', 'b', 'c', 'd'];
        const itemId = `${exam.bankId}-${taskId}-${100 + i}`;
        items.push({
          itemId,
          domainId,
          taskId,
          type: several ? 'ITEM_TYPE_MULTIPLE_RESPONSE' : 'ITEM_TYPE_SINGLE_CHOICE',
          selectCount: several ? 2 : 1,
          cognitiveLevel: 'COGNITIVE_LEVEL_UNDERSTAND',
          stem: several ? `Which of these are right about ${itemId}? (Select TWO.)` : `Which of these is right about ${itemId}?`,
          status: i < 18 ? 'ITEM_STATUS_OPERATIONAL' : 'ITEM_STATUS_PRETEST',
          irt: { slope: 1, difficulty: -1.4 + 0.2 * ((items.length * 7) % 15), lowerAsymptote: several ? 0.05 : 0.2 },
          references: [{ title: 'A page that is made up', url: 'https://docs.example.org/page' }],
          options: letters.map((optionId) => ({ optionId, text: `Statement ${optionId} about ${itemId}`, rationale: 'Because it is made up so.', isKey: optionId === 'b' || optionId === 'e' })),
        });
      }
    }
  }
  return { bankId: exam.bankId, title: `Made up for ${exam.title}`, examId: exam.examId, license: 'Made up for tests.', items };
}

/** Publishes a fixture as it stands, and imports a bank for it, as a person would; gives the definition. */
export function importFixture(suite, name) {
  const exam = fixture(name);
  const folder = suite.path(`bank-${name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'exam.json'), JSON.stringify(exam));
  writeFileSync(path.join(folder, 'items.json'), JSON.stringify(madeUpBank(exam)));
  suite.cli('bank', 'import', folder);
  return exam;
}

/** Publishes an exam whose bank is there: a fixture with other times or rules, under an id of its own. */
export async function publish(suite, exam) {
  await call(suite.http, 'invigil.itembank.v1.ExamService/PublishExam', { exam, requestId: newId('publish') }, await sign(suite, 'operator', 'harness'));
  return exam.examId;
}
