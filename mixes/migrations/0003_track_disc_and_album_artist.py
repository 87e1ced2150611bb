from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mixes", "0002_join_length_follows_the_pair")]

    operations = [
        migrations.AddField("track", "disc_number", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("track", "album_artist", models.CharField(blank=True, max_length=300)),
    ]
