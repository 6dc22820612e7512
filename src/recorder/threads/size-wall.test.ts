import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIB } from '../../units.js';
import { SizeWall } from './size-wall.js';

test('a log may outgrow its bytes by four segments, or by a quarter where that is more', () => {
  const small = new SizeWall({ bytes: 10 * MIB }, MIB);
  assert.deepEqual([small.room(5, 5 * MIB), small.room(10, 10 * MIB)], [9, 4]);
  assert.deepEqual([small.room(13, 13 * MIB), small.room(14, 14 * MIB)], [1, 0]);
  assert.equal(small.room(15, 15 * MIB), 0, 'and never less than none');
  const large = new SizeWall({ bytes: 100 * MIB }, MIB);
  assert.equal(large.room(100, 100 * MIB), 25);
  assert.equal(large.room(100, 100 * MIB + 1), 24, 'whole segments');
});

test('the number of segments is a size as well, and the nearer one counts', () => {
  const wall = new SizeWall({ segments: 2 }, MIB);
  assert.deepEqual([wall.room(2, 100 * MIB), wall.room(3, 100 * MIB)], [4, 3]);
  assert.equal(new SizeWall({ segments: 40 }, MIB).room(40, 0), 10);
  assert.equal(new SizeWall({ segments: 40, bytes: 8 * MIB }, MIB).room(8, 8 * MIB), 4);
});

test('without a size there is no end', () => {
  const wall = new SizeWall({ ageMs: 1000 }, MIB);
  assert.equal(wall.room(1e6, 1e15), Number.POSITIVE_INFINITY);
  assert.equal(wall.isNear(wall.room(1e6, 1e15)), false);
});

test('what is too large when it is met need not shrink at once, and does not grow back', () => {
  const wall = new SizeWall({ bytes: 10 * MIB }, MIB);
  assert.equal(wall.room(100, 100 * MIB), 4);
  assert.equal(wall.room(104, 104 * MIB), 0);
  assert.equal(wall.room(90, 90 * MIB), 4, 'four behind what is left');
  assert.equal(wall.room(94, 94 * MIB), 0);
  assert.equal(wall.room(9, 9 * MIB), 5);
  assert.equal(wall.room(14, 14 * MIB), 0);
});

test('it takes over where another one stood, and comes nearer from there', () => {
  const wall = new SizeWall({ bytes: 10 * MIB, segments: 9 }, MIB);
  wall.meet(13, 14 * MIB, 0);
  assert.equal(wall.room(13, 14 * MIB), 0);
  assert.equal(wall.room(12, 13 * MIB), 1);
  wall.meet(98, 99 * MIB, 1);
  assert.equal(wall.room(98, 99 * MIB), 1);
  assert.equal(wall.room(9, 10 * MIB), 4);
});

test('what an opening thought of compressed segments puts no wall below what is kept', () => {
  const wall = new SizeWall({ bytes: 20 * MIB, segments: 60 }, MIB);
  // 45 segments that have 6 MiB: the opening counted 45, and said that five more may come.
  wall.meet(45, 6 * MIB, 5);
  assert.equal(wall.room(45, 6 * MIB), 19);
  assert.equal(wall.room(60, 15 * MIB), 10);
  assert.equal(wall.room(60, 25 * MIB), 0);
});

test('lifted, it stands behind what there is when somebody asks again', () => {
  const wall = new SizeWall({ bytes: 10 * MIB, segments: 10 }, MIB);
  assert.equal(wall.room(10, 10 * MIB), 4);
  assert.equal(wall.room(14, 14 * MIB), 0);
  wall.lift();
  assert.equal(wall.room(50, 50 * MIB), 4);
});

test('near is less than 64 MiB', () => {
  const wall = new SizeWall({ bytes: 10 * MIB }, 16 * MIB);
  assert.deepEqual([wall.isNear(3), wall.isNear(4)], [true, false]);
});
