"""What the integration engineer works with: conversion, coverage, cases, code tables, sending."""
