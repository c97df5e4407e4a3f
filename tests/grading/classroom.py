"""The output for GitHub, which grades every push: a workflow, and results in
the form that the reporter of GitHub Classroom reads."""

import base64
import json

from grading.report import by_reason, cut
from grading.submission import number
from harness.stages import TASKS

# GitHub Classroom finds the workflow and its job by these names.
WORKFLOW = """\
# .github/workflows/classroom.yml of the assignment, made by
# tests/grade --classroom. Points:
{points}
name: Autograding Tests
on: [push, workflow_dispatch]
permissions:
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-latest
    if: github.actor != 'github-classroom[bot]'
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
        with:
          path: handin
      - uses: actions/checkout@v4  # our checks, not the students' copies
        with:
          repository: OWNER/CHECKS
          token: ${{{{ secrets.CHECKS }}}}
          path: checks
      - name: Install
        run: |
          sudo apt-get update -qq
          sudo apt-get install -y -qq gcc libc6-dev python3 curl wget \\
            apache2-utils
      - name: Grade
        id: grade
        run: >-
          python3 checks/tests/grade --time 300 --stages {stages}
          --github "$GITHUB_OUTPUT" handin
      - name: Autograding Reporter
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
{results}
        with:
          runners: {runners}
"""


def runner(stage):
    return f'stage{stage}'


def workflow(stages, points):
    """Returns a workflow that grades these stages."""
    rows = [(TASKS[stage].title, points.of_stage(stage)) for stage in stages]
    rows.append(('total', number(sum(most for _, most in rows))))
    return WORKFLOW.format(
        points='\n'.join(f'#     {name:14}{most:>4}' for name, most in rows),
        stages=','.join(stages),
        results='\n'.join(
            f'          {runner(stage).upper()}_RESULTS: "${{{{ '
            f'steps.grade.outputs.{runner(stage)} }}}}"' for stage in stages),
        runners=','.join(map(runner, stages)))


def test(name, checks, passed=False):
    """Returns several checks as one test for the reporter, which prints names
    and points. The log of the previous step says why a check failed."""
    cents = sum(check['cents'] for check in checks)
    return {'name': name, 'status': 'pass' if passed else 'fail',
            'score': number(cents / 100) if passed else 0, 'message': '',
            'test_code': '', 'filename': '', 'line_no': 0, 'duration': 0}


def tests(result):
    """Returns the tests of a stage: one for all checks that passed, and one
    for each reason for failing. All tests must fit in one environment
    variable, so they are short."""
    if result.problem or not result.checks:
        return [test(f'{result.title}: {cut(result.problem)}', [])]
    passed = [check for check in result.checks if check['verdict'] == 'passed']
    failed = [check for check in result.checks if check['verdict'] == 'failed'
              and check['visibility'] == 'visible']
    rest = [check for check in result.checks
            if check not in passed and check not in failed]
    some = [test(f'{len(passed)} of {len(result.checks)} checks', passed, True)]
    for first, *others in by_reason(failed):
        more = f' and {len(others)} more' if others else ''
        some.append(test(first['name'] + more, [first, *others]))
    if rest:
        some.append(test(f'{len(rest)} checks that are not shown', rest))
    return some


def write_outputs(path, results):
    """Appends a step's outputs to a file: the results of each stage."""
    with open(path, 'a') as file:
        for stage, result in results.items():
            all_tests = tests(result)
            failed = any(one['status'] == 'fail' for one in all_tests)
            document = {'version': 1, 'max_score': result.most,
                        'status': 'fail' if failed else 'pass',
                        'tests': all_tests}
            text = base64.b64encode(json.dumps(document).encode()).decode()
            file.write(f'{runner(stage)}={text}\n')
