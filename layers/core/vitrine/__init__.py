"""The library of Vitrine: one media library, spoken to in several dialects."""
